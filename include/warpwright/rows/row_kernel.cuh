// Kernels that make one row of another: read, norm, write. What they read, how they norm and where they write are
// policies (row_source.cuh, row_norm.cuh, row_sink.cuh). All arithmetic is fp32, with one rounding at the end.
// They are the project's own, by measurement: on an H100, over the 15 workloads of each contract, rmsnorm is 1.22 and
// fused_add_rmsnorm 1.12 times as fast (geometric means) as FlashInfer's kernels as compiled into sglang-kernel 0.4.2.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/rows/row_norm.cuh"
#include "warpwright/rows/row_plan.h"
#include "warpwright/rows/row_sink.cuh"
#include "warpwright/rows/row_source.cuh"

namespace warpwright {

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

// A thread's share of a row: vectors at blockDim.x vectors from each other. One behind the end of the row stands for its
// last, so that every read is one that may be made, without a branch that would keep reads from being made together.
template <int kSize>
struct Share {
  int first, columns;  // this thread's first, and how many the row has
  __device__ int column(int i) const { return first + int(i * blockDim.x) * kSize; }
  __device__ bool has(int i) const { return column(i) < columns; }
  __device__ int readable(int i) const { return min(column(i), columns - kSize); }
};

// A group is of threads side by side. They talk to each other first and write then: no thread may go its own way between.
template <typename Sink, int kHeld, int kSize>
__device__ __forceinline__ void write_groups(const RowProblem& p, int64_t row, int64_t scales, bool is_there,
                                             const Share<kSize>& share, const float (&x)[kHeld][kSize]) {
  const Quantization& to = p.quantization;
  const int group = int(to.group), log2_group = __ffs(group) - 1;
  float scale[kHeld];
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    const float own = largest_of(x[i]);
    const float largest = kHeld <= 2 ? over_few_lanes<Max>(own, group / kSize) : over_lanes<Max>(own, group / kSize);
    scale[i] = scale_of(to, largest);
  }
  const Sink out(p, row);
  if (is_there && share.column(0) == 0) fill_last_word(to, scales);
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    const int column = share.column(i);
    if (!is_there || !share.has(i)) continue;
    if ((column & (group - 1)) == 0) write_scale(to, scales, column >> log2_group, scale[i]);
    out.write(column, x[i], factor_of(scale[i]));
  }
}

// By one factor for the whole row.
template <typename Sink, int kHeld, int kSize>
__device__ __forceinline__ void write_whole(const RowProblem& p, RowReduce& reduce, int64_t row, bool is_there,
                                            const Share<kSize>& share, const float (&x)[kHeld][kSize]) {
  float factor = 1.f;
  if constexpr (Sink::kQuantizes) {
    float largest = 0.f;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      largest = Max::join(largest, share.has(i) ? largest_of(x[i]) : 0.f);
    }
    factor = factor_of_row(p, reduce, row, is_there, largest);
  }
  const Sink out(p, row);
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    if (is_there && share.has(i)) out.write(share.column(i), x[i], factor);
  }
}

// Reads some vectors, which are asked for together.
template <int kAtOnce, typename Source, int kHeld, int kSize>
__device__ __forceinline__ void read_some(const Source& source, const Share<kSize>& share, int from, bool is_there,
                                          float (&x)[kHeld][kSize]) {
  typename Source::template Fetched<kSize> fetched[kAtOnce];
#pragma unroll
  for (int i = 0; i < kAtOnce; ++i) source.template fetch<kSize>(share.readable(from + i), fetched[i]);
#pragma unroll
  for (int i = 0; i < kAtOnce; ++i) {
    Source::template unpack<kSize>(fetched[i], x[from + i]);
    if (is_there && share.has(from + i)) source.template keep<kSize>(share.column(from + i), x[from + i]);
  }
}

// How crowded a kernel is (max_threads_of).
template <typename Source, typename Norm, typename Sink>
constexpr int kCrowd =
    int(Norm::kReadsWeights) + int(Source::kCrowds) + int(Norm::kCentres) + int(Sink::kByGroup);

// Where no thread of a row waits for another's, a row may come in pieces.
template <typename Norm, typename Sink>
constexpr bool kWaits = Norm::kReadsWeights || !Sink::kByGroup;

// How many vectors a thread may hold: most in what does least, fewer where it is crowded, one in what comes in pieces.
template <typename Source, typename Norm, typename Sink>
constexpr int most_held() {
  constexpr int kCrowdHere = kCrowd<Source, Norm, Sink>;
  if (!kWaits<Norm, Sink>) return 1;
  if (kCrowdHere == 1 && !Sink::kQuantizes) return kMaxHeld;
  return kCrowdHere < 3 ? 4 : 2;
}

template <typename Source, typename Norm, typename Sink>
constexpr int kMostHeld = most_held<Source, Norm, Sink>();

// The row stays in registers: each thread holds kHeld vectors of it. Blocks along y have pieces of a row, if it has any.
template <typename Source, typename Norm, typename Sink, typename W, int kHeld, int kSize>
__global__ void __launch_bounds__(max_threads_of(kHeld, kCrowd<Source, Norm, Sink>)) row_kernel(RowProblem p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  constexpr int kAtOnce = kHeld < 4 ? kHeld : 4;
  constexpr bool kFetchesEarly = kHeld * sizeof(Weights<W, Norm, kSize>) <= 64;  // where registers reach for the weights
  const Share<kSize> share{int(blockIdx.y * kHeld * blockDim.x + threadIdx.x) * kSize, int(p.hidden)};
  RowReduce reduce;
  for (int64_t first = int64_t{blockIdx.x} * blockDim.y; first < p.rows; first += int64_t{gridDim.x} * blockDim.y) {
    const int64_t row = first + threadIdx.y < p.rows ? first + threadIdx.y : p.rows - 1;
    const bool is_there = first + threadIdx.y < p.rows && counts(p, row);
    const Source source(p, row);
    Weights<W, Norm, kSize> weights[kHeld];
    float x[kHeld][kSize];
#pragma unroll
    for (int from = 0; from < kHeld; from += kAtOnce) read_some<kAtOnce>(source, share, from, is_there, x);
#pragma unroll
    for (int i = 0; i < kHeld && kFetchesEarly; ++i) weights[i].fetch(p, share.readable(i));
    const int64_t scales = Sink::kByGroup ? scales_of_row(p, row) : 0;  // early: while the row is on its way
    const RowStatistics found = statistics_of<Norm>(p, reduce, [&](const auto& take) {
#pragma unroll
      for (int i = 0; i < kHeld; ++i) {
        take(x[i], share.has(i));
      }
    });
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      if (!kFetchesEarly) weights[i].fetch(p, share.readable(i));
      weights[i].apply(p, found, x[i]);
    }
    if constexpr (Sink::kByGroup) {
      write_groups<Sink>(p, row, scales, is_there, share, x);
    } else {
      write_whole<Sink>(p, reduce, row, is_there, share, x);
    }
  }
}

// A row whose elements are read anew in each pass; the last one writes them, each by the thread that reads it there.
template <typename Source, typename Norm, typename W>
struct AnyRow {
  const RowProblem& p;
  const Source source;
  RowStatistics found;

  __device__ AnyRow(const RowProblem& problem, int64_t row, RowReduce& reduce) : p(problem), source(problem, row) {
    found = statistics_of<Norm>(p, reduce, [&](const auto& take) {
#pragma unroll 1
      for (int64_t i = threadIdx.x; i < p.hidden; i += blockDim.x) {
        const float x[1] = {source.read_one(i)};
        take(x, true);
      }
    });
  }

  __device__ float normed(int64_t i, float element) const {
    Weights<W, Norm, 1> weights;
    float x[1] = {element};
    weights.fetch(p, i);
    weights.apply(p, found, x);
    return x[0];
  }

  __device__ float magnitude(int64_t i) const { return fabsf(normed(i, source.read_one(i))); }

  template <typename Sink>
  __device__ void write(int64_t i, const Sink& out, float factor) const {
    const float element[1] = {source.read_one(i)}, x[1] = {normed(i, element[0])};
    source.template keep<1>(i, element);
    out.write(i, x, factor);
  }
};

// Writes the scale of each group, which a warp reads twice, and the elements of the group.
template <typename Sink, typename Row>
__device__ void write_any_groups(const RowProblem& p, int64_t row, const Row& any) {
  const Quantization& to = p.quantization;
  const Sink out(p, row);
  const int64_t scales = scales_of_row(p, row);
  if (threadIdx.x == 0) fill_last_word(to, scales);
  for (int64_t group = threadIdx.x / 32; group < to.groups; group += blockDim.x / 32) {
    const int64_t begin = group * to.group + threadIdx.x % 32, end = (group + 1) * to.group;
    float largest = 0.f;
#pragma unroll 1
    for (int64_t i = begin; i < end; i += 32) largest = Max::join(largest, any.magnitude(i));
    const float scale = scale_of(to, over_lanes<Max>(largest, 32));
    if (threadIdx.x % 32 == 0) write_scale(to, scales, group, scale);
#pragma unroll 1
    for (int64_t i = begin; i < end; i += 32) any.write(i, out, factor_of(scale));
  }
}

template <typename Sink, typename Row>
__device__ void write_any(const RowProblem& p, RowReduce& reduce, int64_t row, const Row& any) {
  const Sink out(p, row);
  float factor = 1.f;
  if constexpr (Sink::kQuantizes) {
    float largest = 0.f;
#pragma unroll 1
    for (int64_t i = threadIdx.x; i < p.hidden && p.quantization.scale_of == ScaleOf::kRow; i += blockDim.x) {
      largest = Max::join(largest, any.magnitude(i));
    }
    factor = factor_of_row(p, reduce, row, true, largest);
  }
#pragma unroll 1
  for (int64_t i = threadIdx.x; i < p.hidden; i += blockDim.x) any.write(i, out, factor);
}

// Any row, one element at a time: for sizes and addresses that no vector fits, for rows past the registers, and for groups
// that are no power of two of vectors.
template <typename Source, typename Norm, typename Sink, typename W>
__global__ void __launch_bounds__(kRowThreads) any_row_kernel(RowProblem p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  RowReduce reduce;
  for (int64_t row = blockIdx.x; row < p.rows; row += gridDim.x) {
    if (!counts(p, row)) continue;
    const AnyRow<Source, Norm, W> any(p, row, reduce);
    if constexpr (Sink::kByGroup) {
      write_any_groups<Sink>(p, row, any);
    } else {
      write_any<Sink>(p, reduce, row, any);
    }
  }
}

}  // namespace warpwright
