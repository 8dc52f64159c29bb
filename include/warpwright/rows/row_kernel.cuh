// Kernels that make one row of another: read, norm, write. What they read, how they norm and where they write are
// policies (row_source.cuh, row_norm.cuh, row_sink.cuh). All arithmetic is fp32, with one rounding at the end.
#pragma once

#include <type_traits>

#include "warpwright/dependent_launch.cuh"
#include "warpwright/rows/row_norm.cuh"
#include "warpwright/rows/row_plan.h"
#include "warpwright/rows/row_sink.cuh"
#include "warpwright/rows/row_source.cuh"

namespace warpwright {

template <typename Sink>
constexpr bool kQuantizes = std::is_same_v<Sink, QuantizedSink>;

// False for a row behind the last, and for one of an expert that does not count.
__device__ __forceinline__ bool counts(const RowProblem& p, int64_t row) {
  if (row >= p.rows) return false;
  if (p.rows_of_expert == nullptr) return true;
  const RowOfExpert found(p, row);
  return int64_t{found.row} < p.rows_of_expert[found.expert];
}

// The scale of the whole row, which its first thread writes; 1 where there is none. `largest` is this thread's.
__device__ __forceinline__ float factor_of_row(const RowProblem& p, RowReduce& reduce, int64_t row, bool is_there,
                                               float largest) {
  const Quantization& to = p.quantization;
  if (to.scale_of == ScaleOf::kTensor) return factor_of(*static_cast<const float*>(to.scales));
  const float scale = scale_of(to, reduce.over_row<Max>(largest));
  if (threadIdx.x == 0 && is_there) write_scale(to, scales_of_row(p, row), 0, scale);
  return factor_of(scale);
}

template <typename T, typename Sink, int kHeld, int kSize, typename ColumnOf>
__device__ __forceinline__ void write_held(const RowProblem& p, RowReduce& reduce, int64_t row, bool is_there,
                                           const ColumnOf& column_of, const float (&x)[kHeld][kSize]) {
  const Quantization& to = p.quantization;
  const bool by_group = kQuantizes<Sink> && to.scale_of == ScaleOf::kGroup;
  float factor = 1.f;
  int64_t scales = 0;
  int lanes = 0, bits = 0;  // of a group: threads side by side, one for each of its vectors; and of its size, a power of two
  if (by_group) {
    scales = scales_of_row(p, row);
    if (threadIdx.x == 0 && is_there) fill_last_word(to, scales);
    lanes = int(to.group) / kSize;
    bits = __ffs(int(to.group)) - 1;
  } else if (kQuantizes<Sink>) {
    float largest = 0.f;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) largest = Max::join(largest, largest_of(x[i]));
    factor = factor_of_row(p, reduce, row, is_there, largest);
  }
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    const int64_t column = column_of(i);
    const bool writes = is_there && column < p.hidden;
    if (by_group) {
      const float scale = scale_of(to, over_lanes<Max>(largest_of(x[i]), lanes));
      if (writes && (threadIdx.x & (lanes - 1)) == 0) write_scale(to, scales, column >> bits, scale);
      factor = factor_of(scale);
    }
    if (writes) Sink::template write<T>(p, row, column, x[i], factor);
  }
}

// The row stays in registers: each thread holds kHeld vectors of it.
template <typename T, typename Source, typename Norm, typename Sink, int kHeld>
__global__ void __launch_bounds__(max_threads_of(kHeld)) row_kernel(RowProblem p) {
  constexpr int kSize = kFullVector<T>;
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int64_t columns = p.hidden;
  const auto column_of = [](int i) { return (threadIdx.x + int64_t{i} * blockDim.x) * kSize; };
  RowReduce reduce;
  for (int64_t first = int64_t{blockIdx.x} * blockDim.y; first < p.rows; first += int64_t{gridDim.x} * blockDim.y) {
    const int64_t row = first + threadIdx.y;
    const bool is_there = counts(p, row);
    float x[kHeld][kSize] = {};
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      if (is_there && column_of(i) < columns) Source::template read<T>(p, row, column_of(i), x[i]);
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {  // a loop of its own: a write would hold up the reads behind it
      if (is_there && column_of(i) < columns) Source::template keep<T>(p, row, column_of(i), x[i]);
    }
    const RowStatistics found = statistics_of<Norm>(p, reduce, [&](const auto& take) {
#pragma unroll
      for (int i = 0; i < kHeld; ++i) {
        if (column_of(i) >= columns) break;
#pragma unroll
        for (int j = 0; j < kSize; ++j) take(x[i][j]);
      }
    });
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      if (column_of(i) < columns) apply_norm<T, Norm>(p, found, column_of(i), x[i]);
    }
    write_held<T, Sink>(p, reduce, row, is_there, column_of, x);
  }
}

template <typename T, typename Sink, typename Read>
__device__ __forceinline__ void write_any(const RowProblem& p, RowReduce& reduce, int64_t row, float (&x)[1],
                                          const Read& read) {
  const Quantization& to = p.quantization;
  if (kQuantizes<Sink> && to.scale_of == ScaleOf::kGroup) {
    const int64_t scales = scales_of_row(p, row);
    if (threadIdx.x == 0) fill_last_word(to, scales);
    for (int64_t group = threadIdx.x / 32; group < to.groups; group += blockDim.x / 32) {
      const int64_t begin = group * to.group, end = begin + to.group;
      float largest = 0.f;
#pragma unroll 1  // unrolled, it spills registers with two inputs
      for (int64_t i = begin + threadIdx.x % 32; i < end; i += 32) {
        read(i);
        largest = Max::join(largest, fabsf(x[0]));
      }
      const float scale = scale_of(to, over_lanes<Max>(largest, 32));
      if (threadIdx.x % 32 == 0) write_scale(to, scales, group, scale);
#pragma unroll 1
      for (int64_t i = begin + threadIdx.x % 32; i < end; i += 32) {
        read(i);
        Sink::template write<T>(p, row, i, x, factor_of(scale));
      }
    }
    return;
  }
  float factor = 1.f;
  if (kQuantizes<Sink>) {
    float largest = 0.f;
    for (int64_t i = threadIdx.x; i < p.hidden && to.scale_of == ScaleOf::kRow; i += blockDim.x) {
      read(i);
      largest = Max::join(largest, fabsf(x[0]));
    }
    factor = factor_of_row(p, reduce, row, true, largest);
  }
  for (int64_t i = threadIdx.x; i < p.hidden; i += blockDim.x) {
    read(i);
    Sink::template write<T>(p, row, i, x, factor);
  }
}

// Any row, one element at a time, read again for each pass: for sizes and addresses that no vector fits, for rows past
// the registers, and for groups that are no power of two of vectors.
template <typename T, typename Source, typename Norm, typename Sink>
__global__ void __launch_bounds__(kRowThreads) any_row_kernel(RowProblem p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  RowReduce reduce;
  for (int64_t row = blockIdx.x; row < p.rows; row += gridDim.x) {
    if (!counts(p, row)) continue;
    float x[1];
    if (p.residual != nullptr) {
      for (int64_t i = threadIdx.x; i < p.hidden; i += blockDim.x) {
        Source::template read<T>(p, row, i, x);
        Source::template keep<T>(p, row, i, x);
      }
      __syncthreads();
    }
    const RowStatistics found = statistics_of<Norm>(p, reduce, [&](const auto& take) {
      for (int64_t i = threadIdx.x; i < p.hidden; i += blockDim.x) {
        Source::template read_again<T>(p, row, i, x);
        take(x[0]);
      }
    });
    const auto read = [&](int64_t i) {
      Source::template read_again<T>(p, row, i, x);
      apply_norm<T, Norm>(p, found, i, x);
    };
    write_any<T, Sink>(p, reduce, row, x, read);
  }
}

}  // namespace warpwright
