// Kernels that make one row of another: read, norm, write. What they read, how they norm and where they write are
// policies (row_source.cuh, row_norm.cuh, row_sink.cuh). All arithmetic is fp32, with one rounding at the end.
// They are the project's own, by measurement: on an H100, over the 15 workloads of each contract, rmsnorm is 1.29 and
// fused_add_rmsnorm 1.17 times as fast (geometric means) as the kernels of FlashInfer 0.6.9's headers.
#pragma once

#include <type_traits>

#include "warpwright/dependent_launch.cuh"
#include "warpwright/rows/row_norm.cuh"
#include "warpwright/rows/row_plan.h"
#include "warpwright/rows/row_sink.cuh"
#include "warpwright/rows/row_source.cuh"

namespace warpwright {

// What a kernel is given: what its policies need of a problem, and no more. Each launch reads its arguments from memory,
// and branches on what it is not asked for cost more: with a problem as a whole, and the code for experts and packed
// scales, the groups of few rows took 0.6 us longer on an H100.
template <typename Source, typename Norm, typename Sink, typename W>
struct RowArguments : Source::Arguments, Norm::template Arguments<W>, Sink::Arguments {
  int64_t rows, hidden;

  explicit RowArguments(const RowProblem& p)
      : Source::Arguments(p), Norm::template Arguments<W>(p), Sink::Arguments(p), rows(p.rows), hidden(p.hidden) {}
};

// The scale of the whole row, which its first thread writes. `largest` is this thread's.
__device__ __forceinline__ float factor_of_row(const RowSink::Arguments& to, const RowSink& out, RowReduce& reduce,
                                               bool is_there, float largest) {
  const float scale = scale_of(to.rule, reduce.over_row<Max>(largest));
  if (threadIdx.x == 0 && is_there) *out.scale = scale;
  return factor_of(scale);
}

// A thread's share of a row: vectors at blockDim.x vectors from each other. One behind the end of the row stands for
// its last, so that every read is one that may be made, without a branch that would keep reads from being made together.
template <int kSize>
struct Share {
  int first, columns;  // this thread's first, and how many the row has
  __device__ int column(int i) const { return first + int(i * blockDim.x) * kSize; }
  __device__ bool has(int i) const { return column(i) < columns; }
  __device__ int readable(int i) const { return min(column(i), columns - kSize); }
};

// What a thread holds of a vector from one pass over the row to the next: the floats, or where that is half of the
// registers, what was read.
template <typename Source, int kSize, bool kAsRead>
class HeldVector {
 public:
  using Fetched = typename Source::template Fetched<kSize>;

  __device__ __forceinline__ void hold(const Fetched& fetched, const float (&x)[kSize]) {
    if constexpr (kAsRead) {
      memcpy(held_, &fetched, sizeof(held_));
    } else {
      hold(x);
    }
  }

  __device__ __forceinline__ void hold(const float (&x)[kSize]) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) held_[i] = x[i];
  }

  __device__ __forceinline__ void floats(float (&x)[kSize]) {
    if constexpr (kAsRead) {
      // The compiler would keep the floats of an earlier pass, and with them the registers that this is to save.
#pragma unroll
      for (uint32_t& word : held_) asm volatile("" : "+r"(word));
      Fetched fetched;
      memcpy(&fetched, held_, sizeof(held_));
      Source::template unpack<kSize>(fetched, x);
    } else {
#pragma unroll
      for (int i = 0; i < kSize; ++i) x[i] = held_[i];
    }
  }

  __device__ __forceinline__ float largest() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    if constexpr (kAsRead) {
      Fetched fetched;
      memcpy(&fetched, held_, sizeof(held_));
      return Source::template largest<kSize>(fetched);
    }
#endif
    float x[kSize];
    floats(x);
    return largest_of(x);
  }

 private:
  std::conditional_t<kAsRead, uint32_t[sizeof(Fetched) / sizeof(uint32_t)], float[kSize]> held_;
};

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

// Reads some vectors, which are asked for together.
template <int kAtOnce, typename Source, int kHeld, int kSize, typename Held>
__device__ __forceinline__ void read_some(const Source& source, const Share<kSize>& share, int from, bool is_there,
                                          Held (&held)[kHeld]) {
  typename Source::template Fetched<kSize> fetched[kAtOnce];
#pragma unroll
  for (int i = 0; i < kAtOnce; ++i) source.template fetch<kSize>(share.readable(from + i), fetched[i]);
#pragma unroll
  for (int i = 0; i < kAtOnce; ++i) {
    float x[kSize];
    Source::template unpack<kSize>(fetched[i], x);
    if (is_there && share.has(from + i)) source.template keep<kSize>(share.column(from + i), x);
    held[from + i].hold(fetched[i], x);
  }
}

// Whether a thread holds what it read. What is normed before its scale is found is normed once, and held as floats.
template <typename Source, typename Norm, typename Sink>
constexpr bool kHoldsAsRead = Source::kIsNarrow && !(Norm::kReadsWeights && Sink::kFindsScales);

// How crowded a kernel is (max_threads_of).
template <typename Source, typename Norm, typename Sink>
constexpr int kCrowd = int(Norm::kReadsWeights) + int(Norm::kCentres) + int(Source::kCrowds) + int(Sink::kByGroup) +
                       int(kHoldsAsRead<Source, Norm, Sink>);

// Where no thread of a row waits for another's, a row may come in pieces.
template <typename Norm, typename Sink>
constexpr bool kComesInPieces = !Norm::kReadsWeights && (Sink::kByGroup || !Sink::kFindsScales);

// Registers that hold a vector.
template <typename Source, typename Norm, typename Sink, int kSize>
constexpr int kRegisters = kHoldsAsRead<Source, Norm, Sink> ? kSize / 2 : kSize;

// How many vectors a thread may hold: as many as 32 registers do, half of that where it is crowded by more than their
// being held as they were read, and no more than four of what is quantised after a norm: eight are a large kernel for
// rows of more than 20,480 elements. One in what comes in pieces.
template <typename Source, typename Norm, typename Sink, int kSize>
constexpr int most_held() {
  if (kComesInPieces<Norm, Sink>) return 1;
  const bool is_crowded = kCrowd<Source, Norm, Sink> >= 3 && !kHoldsAsRead<Source, Norm, Sink>;
  const int most = (is_crowded ? 16 : 32) / kRegisters<Source, Norm, Sink, kSize>;
  return Norm::kReadsWeights && Sink::kQuantizes && most > 4 ? 4 : most;
}

template <typename Source, typename Norm, typename Sink, int kSize>
constexpr int kMostHeld = most_held<Source, Norm, Sink, kSize>();

// And how many it holds where it may choose: norms were faster with more threads.
template <typename Norm>
constexpr int kBestHeld = Norm::kReadsWeights ? 4 : kMaxHeld;

// The most threads of a block.
template <typename Source, typename Norm, typename Sink, int kHeld, int kSize>
constexpr int row_threads() {
  return max_threads_of(kHeld * kRegisters<Source, Norm, Sink, kSize>, kCrowd<Source, Norm, Sink>);
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
