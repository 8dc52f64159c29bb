// The kernel for rows that row_kernel.cuh does not hold.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/rows/row_arguments.cuh"
#include "warpwright/rows/row_plan.h"

namespace warpwright {

// A row whose elements are read anew in each pass; the last one writes them, each by the thread that reads it there.
template <typename Source, typename Norm, typename Sink, typename W>
struct AnyRow {
  const RowArguments<Source, Norm, Sink, W>& p;
  const Source source;
  RowStatistics found;

  __device__ AnyRow(const RowArguments<Source, Norm, Sink, W>& arguments, int64_t row, RowReduce& reduce)
      : p(arguments), source(arguments, row) {
    if constexpr (Norm::kReadsWeights) {
      found = statistics_of<Norm>(float(p.hidden), p.eps, reduce, [&](const auto& take) {
#pragma unroll 1
        for (int64_t i = threadIdx.x; i < p.hidden; i += blockDim.x) {
          const float x[1] = {source.read_one(i)};
          take(x, true);
        }
      });
    }
  }

  __device__ float normed(int64_t i, float element) const {
    Weights<W, Norm, 1> weights;
    float x[1] = {element};
    weights.fetch(p, i);
    weights.apply(p, found, x);
    return x[0];
  }

  __device__ float magnitude(int64_t i) const { return fabsf(normed(i, source.read_one(i))); }

  template <typename... Factor>
  __device__ void write(int64_t i, const Sink& out, Factor... factor) const {
    const float element[1] = {source.read_one(i)}, x[1] = {normed(i, element[0])};
    source.template keep<1>(i, element);
    out.write(i, x, factor...);
  }
};

// Writes the scale of each group, which a warp reads twice, and the elements of the group.
template <typename Row>
__device__ void write_any_groups(const AnyGroupSink::Arguments& to, int64_t row, const Row& any) {
  const AnyGroupSink out(to, row);
  if (threadIdx.x == 0) out.fill_last_word();
  for (int64_t group = threadIdx.x / 32; group < to.groups; group += blockDim.x / 32) {
    const int64_t begin = group * to.group + threadIdx.x % 32, end = (group + 1) * to.group;
    float largest = 0.f;
#pragma unroll 1
    for (int64_t i = begin; i < end; i += 32) largest = Max::join(largest, any.magnitude(i));
    const float scale = scale_of(to.rule, Max::over_warp(largest));
    if (threadIdx.x % 32 == 0) out.write_scale(group, scale);
#pragma unroll 1
    for (int64_t i = begin; i < end; i += 32) any.write(i, out, factor_of(scale));
  }
}

template <typename Row>
__device__ void write_any_whole(const RowSink::Arguments& to, RowReduce& reduce, int64_t row, int64_t hidden,
                                const Row& any) {
  const RowSink out(to, row);
  float largest = 0.f;
#pragma unroll 1
  for (int64_t i = threadIdx.x; i < hidden; i += blockDim.x) largest = Max::join(largest, any.magnitude(i));
  const float factor = factor_of_row(to, out, reduce, true, largest);
#pragma unroll 1
  for (int64_t i = threadIdx.x; i < hidden; i += blockDim.x) any.write(i, out, factor);
}

// Any row, one element at a time: for sizes and addresses that no vector fits, for rows past the registers, and for
// groups that are no power of two of vectors.
template <typename Source, typename Norm, typename Sink, typename W>
__global__ void __launch_bounds__(kRowThreads)
    any_row_kernel(const __grid_constant__ RowArguments<Source, Norm, Sink, W> p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  RowReduce reduce;
  for (int64_t row = blockIdx.x; row < p.rows; row += gridDim.x) {
    if (!Sink::counts(p, row)) continue;
    const AnyRow<Source, Norm, Sink, W> any(p, row, reduce);
    if constexpr (Sink::kByGroup) {
      write_any_groups(p, row, any);
    } else if constexpr (Sink::kFindsScales) {
      write_any_whole(p, reduce, row, p.hidden, any);
    } else {
      const Sink out(p, row);
#pragma unroll 1
      for (int64_t i = threadIdx.x; i < p.hidden; i += blockDim.x) any.write(i, out);
    }
  }
}

}  // namespace warpwright
