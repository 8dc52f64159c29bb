// Kernels of the operators that draw: a block for each draw.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/found_once.cuh"
#include "warpwright/sampling/draw_problem.h"
#include "warpwright/sampling/top_k_draw.cuh"

namespace warpwright {

struct NoTopK {};

template <Filter kFilter>
struct DrawKernelShared {
  DrawShared draw;
  std::conditional_t<kFilter == Filter::kTopKTopP, TopKShared, NoTopK> top_k;
};

// The largest score with weight; Weights::least() where there is none.
template <typename Weights, typename T>
__device__ float largest_of_row(const RowScores<T>& row, DrawShared& shared) {
  float largest = Weights::least();
  row.for_each(false, [&](float score, int) { largest = fmaxf(largest, score); });
  return block_max(largest, shared.maxima);
}

template <typename Weights, typename T>
__device__ Drawn draw_unfiltered(const RowScores<T>& row, const RowRandom& random, DrawShared& shared) {
  Mass<Weights> mass;
  row.for_each(false, [&](float score, int) { mass.add(score); });
  float largest = mass.largest;
  if constexpr (std::is_same_v<Weights, Logits>) largest = block_max(largest, shared.maxima);
  const uint4 words = random.words(0);
  const Draw<Weights, T> draw{row, largest, shared};
  return draw.at(unit_interval(words.x, words.y), Weights::least(), mass.beside(largest));
}

template <typename Weights, typename T>
__device__ Drawn draw_top_p(const RowScores<T>& row, double share, const RowRandom& random, DrawShared& shared) {
  const Draw<Weights, T> draw{row, 0.0f, shared};
  return draw.within(share, -1.0, Weights::least(), draw.mass_above(Weights::least(), false), random);
}

// The scores from min_p times the largest on; without a min_p, or with NaN, all.
template <typename Weights, typename T>
__device__ Drawn draw_min_p(const RowScores<T>& row, float min_p, const RowRandom& random, DrawShared& shared) {
  const float largest = fminf(largest_of_row<Weights>(row, shared), 0x1p100f);
  const float least = min_p > 0.0f ? fminf(min_p, 1.0f) * largest : 0.0f;
  const float bound = least > 0.0f ? __int_as_float(__float_as_int(least) - 1) : Weights::least();
  const Draw<Weights, T> draw{row, largest, shared};
  return draw.within(1.0, -1.0, bound, draw.mass_above(bound, true), random);
}

// Where more are to stay than fit into shared memory: the bound of the k heaviest, and then by rejection.
template <typename Weights, typename T>
__device__ Drawn draw_among_many(const RowScores<T>& row, uint32_t least_key, double share, double whole,
                                 const RowRandom& random, DrawShared& shared) {
  const float largest = std::is_same_v<Weights, Logits> ? largest_of_row<Weights>(row, shared) : 0.0f;
  const float bound = least_key <= 1 ? Weights::least() : score_below(least_key);
  const Draw<Weights, T> draw{row, largest, shared};
  return draw.within(share, whole, bound, draw.mass_above(bound, true), random);
}

template <typename Weights, typename T>
__device__ Drawn draw_top_k_top_p(const RowScores<T>& row, int k, double share, bool top_k_first,
                                  const RowRandom& random, DrawShared& shared, TopKShared& top_k) {
  if (k >= row.classes) return draw_among_many<Weights>(row, 1, share, -1.0, random, shared);
  k = max(k, 1);
  clear(top_k.bins);
  Mass<Weights> mass;
  row.for_each(false, [&](float score, int) {
    const uint32_t key = key_of<Weights>(score);
    if (key != kKeyOfNone) top_k.bins.add(key >> kFirstShift, key);
    if (!top_k_first) mass.add(score);
  });
  __syncthreads();
  double whole = -1.0;
  if (!top_k_first) {
    const float largest = block_max(mass.largest, shared.maxima);
    whole = block_sum<double>(mass.beside(largest), shared.sums);
  }
  Reached reached = reach(top_k.bins, kBins, 0.0, k, [](int) { return 0; }, top_k.reach);
  if (reached.bin < 0) {  // fewer than k have weight
    reached.bin = 0;
    reached.with = block_sum<double>(count_of(top_k.bins), shared.sums);
  }
  if (reached.with <= kMostGathered) {
    const int count = gather_sorted<Weights>(row, reached.bin, top_k);
    if (count == 0) return {-1, 0.0f};
    const uint4 words = random.words(0);
    return draw_sorted<Weights>(top_k.entries, count, k, share, whole, unit_interval(words.x, words.y), shared.sums,
                                top_k);
  }
  const uint32_t least_key =
      refine(RowKeys<Weights, T>{row}, reached.bin, reached.above, double(k), top_k.few, top_k.reach);
  return draw_among_many<Weights>(row, least_key, share, whole, random, shared);
}

// The row of a draw; -1 where an index names none.
__device__ inline int64_t row_of_draw(const DrawProblem& problem, int64_t draw) {
  if (problem.indices == nullptr) return draw;
  const int64_t row = problem.long_indices ? static_cast<const int64_t*>(problem.indices)[draw]
                                           : static_cast<const int32_t*>(problem.indices)[draw];
  return row >= 0 && row < problem.rows ? row : -1;
}

// Class 0 stands where there was none to draw.
__device__ inline void write_draw(const DrawProblem& problem, int64_t draw, int index) {
  const int sample = max(index, 0);
  if (problem.long_samples) {
    static_cast<int64_t*>(problem.samples)[draw] = sample;
  } else {
    static_cast<int32_t*>(problem.samples)[draw] = sample;
  }
  problem.valid[draw] = index >= 0;
}

template <typename Weights, typename T, Filter kFilter>
__global__ void __launch_bounds__(kRowThreads) draw_kernel(DrawProblem problem) {
  wait_for_earlier_kernels();
  __shared__ DrawKernelShared<kFilter> fixed;
  DrawKernelShared<kFilter>& shared = *found_once(&fixed);
  const int64_t draw = blockIdx.x, source = row_of_draw(problem, draw);
  Drawn drawn{-1, 0.0f};
  if (source >= 0) {
    const T* start = static_cast<const T*>(problem.scores) + source * problem.row_stride;
    const RowScores<T> row{start, int(problem.classes), reinterpret_cast<uintptr_t>(start) % 16 == 0};
    const RowRandom random(problem.random, draw);
    if constexpr (kFilter == Filter::kNone) {
      drawn = draw_unfiltered<Weights>(row, random, shared.draw);
    } else if constexpr (kFilter == Filter::kTopP) {
      drawn = draw_top_p<Weights>(row, number_of(problem.top_p, draw), random, shared.draw);
    } else if constexpr (kFilter == Filter::kMinP) {
      drawn = draw_min_p<Weights>(row, number_of(problem.min_p, draw), random, shared.draw);
    } else {
      drawn = draw_top_k_top_p<Weights>(row, number_of(problem.top_k, draw), number_of(problem.top_p, draw),
                                        problem.top_k_first, random, shared.draw, shared.top_k);
    }
  }
  if (threadIdx.x == 0) write_draw(problem, draw, drawn.index);
}

}  // namespace warpwright
