// Kernels that make one row of another: read, norm, write. What they read, how they norm and where they write are
// policies (row_source.cuh, row_norm.cuh, row_sink.cuh). All arithmetic is fp32, with one rounding at the end.
// They are the project's own, by measurement: on an H100, over the 15 workloads of each contract, rmsnorm is 1.29 and
// fused_add_rmsnorm 1.17 times as fast (geometric means) as the kernels of FlashInfer 0.6.9's headers.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/rows/held_vector.cuh"
#include "warpwright/rows/row_arguments.cuh"
#include "warpwright/rows/row_traits.cuh"

namespace warpwright {

// A group is of threads side by side. They talk to each other first and write then: no thread goes its own way between.
template <typename Sink, int kHeld, int kSize, typename Held>
__device__ __forceinline__ void write_groups(const GroupSink::Arguments& to, const Sink& out, bool is_there,
                                             const Share<kSize>& share, Held (&held)[kHeld]) {
  const int group = 1 << to.log2_group;
  float scale[kHeld], x[kSize];
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    scale[i] = scale_of(to.rule, over_few_lanes<Max>(held[i].largest(), group / kSize));
  }
  if (is_there && share.column(0) == 0) out.fill_last_word();
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    const int column = share.column(i);
    if (!is_there || !share.has(i)) continue;
    if ((column & (group - 1)) == 0) out.write_scale(column >> to.log2_group, scale[i]);
    held[i].floats(x);
    out.write(column, x, factor_of(scale[i]));
  }
}

// By one factor for the whole row.
template <int kHeld, int kSize, typename Held>
__device__ __forceinline__ void write_whole(const RowSink::Arguments& to, const RowSink& out, RowReduce& reduce,
                                            bool is_there, const Share<kSize>& share, Held (&held)[kHeld]) {
  float x[kSize], largest = 0.f;
#pragma unroll
  for (int i = 0; i < kHeld; ++i) largest = Max::join(largest, share.has(i) ? held[i].largest() : 0.f);
  const float factor = factor_of_row(to, out, reduce, is_there, largest);
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    held[i].floats(x);
    if (is_there && share.has(i)) out.write(share.column(i), x, factor);
  }
}

// As it is, to a sink that finds nothing.
template <typename Sink, int kHeld, int kSize, typename Held>
__device__ __forceinline__ void write_plain(const Sink& out, bool is_there, const Share<kSize>& share,
                                            Held (&held)[kHeld]) {
  float x[kSize];
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    held[i].floats(x);
    if (is_there && share.has(i)) out.write(share.column(i), x);
  }
}

// The row stays in registers: each thread holds kHeld vectors of it, and each block has blockDim.y rows. Blocks along y
// have pieces of a row, if it has any.
template <typename Source, typename Norm, typename Sink, typename W, int kHeld, int kSize>
__global__ void __launch_bounds__(row_threads<Source, Norm, Sink, kHeld, kSize>())
    row_kernel(const __grid_constant__ RowArguments<Source, Norm, Sink, W> p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  constexpr int kAtOnce = kHeld < 4 ? kHeld : 4;
  constexpr bool kFetchesEarly = kHeld * sizeof(Weights<W, Norm, kSize>) <= 64;  // where registers reach for them
  const Share<kSize> share{int(blockIdx.y * kHeld * blockDim.x + threadIdx.x) * kSize, int(p.hidden)};
  const int64_t wanted = int64_t{blockIdx.x} * blockDim.y + threadIdx.y;
  const int64_t row = wanted < p.rows ? wanted : p.rows - 1;
  const bool is_there = wanted < p.rows && Sink::counts(p, row);

  constexpr bool kPasses = kHeld > 1 || Sink::kFindsScales;  // where it is worth it
  HeldVector<Source, kSize, kPasses && kHoldsAsRead<Source, Norm, Sink>> held[kHeld];
  Weights<W, Norm, kSize> weights[kHeld];
  const Source source(p, row);
#pragma unroll
  for (int from = 0; from < kHeld; from += kAtOnce) read_some<kAtOnce>(source, share, from, is_there, held);
#pragma unroll
  for (int i = 0; i < kHeld && kFetchesEarly; ++i) weights[i].fetch(p, share.readable(i));
  const Sink out(p, row);

  RowReduce reduce;
  if constexpr (Norm::kReadsWeights) {
    float x[kSize];
    const RowStatistics found = statistics_of<Norm>(float(p.hidden), p.eps, reduce, [&](const auto& take) {
#pragma unroll
      for (int i = 0; i < kHeld; ++i) {
        held[i].floats(x);
        take(x, share.has(i));
      }
    });
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      held[i].floats(x);
      if (!kFetchesEarly) weights[i].fetch(p, share.readable(i));
      weights[i].apply(p, found, x);
      if constexpr (Sink::kFindsScales) {
        held[i].hold(x);
      } else {
        if (is_there && share.has(i)) out.write(share.column(i), x);
      }
    }
  }
  if constexpr (Sink::kByGroup) {
    write_groups(p, out, is_there, share, held);
  } else if constexpr (Sink::kFindsScales) {
    write_whole(p, out, reduce, is_there, share, held);
  } else if constexpr (!Norm::kReadsWeights) {
    write_plain(out, is_there, share, held);
  }
}

}  // namespace warpwright
