// Kernels that keep the largest scores of a row: a block for each row.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/found_once.cuh"
#include "warpwright/sampling/bound_search.cuh"
#include "warpwright/sampling/renorm_problem.h"

namespace warpwright {

// Which keys stay, and their mass.
struct Kept {
  uint32_t least_key;
  double mass;
};

// The k largest, and those equal to the last of them.
struct TopK {
  template <int kCount>
  using Bins = CountBins<kCount>;

  template <typename Problem, typename T>
  __device__ static bool all_stay(const Problem& problem, const RowScores<T>& row, int64_t index) {
    return number_of(problem.top_k, index) >= row.classes;
  }

  template <typename Problem>
  __device__ static double limit(const Problem& problem, int64_t index, const Bins<kBins>&, ReachShared&) {
    return max(number_of(problem.top_k, index), 1);
  }
};

// Those that less than a share of the mass is larger than.
struct TopP {
  template <int kCount>
  using Bins = MassBins<kCount>;

  template <typename Problem, typename T>
  __device__ static bool all_stay(const Problem& problem, const RowScores<T>&, int64_t index) {
    return number_of(problem.top_p, index) >= 1.0f;
  }

  // With no share at all the largest stay: the first bin that is not empty reaches any limit of 0 or less.
  template <typename Problem>
  __device__ static double limit(const Problem& problem, int64_t index, const Bins<kBins>& bins, ReachShared& shared) {
    double mass = 0.0;
    for (int bin = threadIdx.x; bin < kBins; bin += kRowThreads) mass += bins.of(bin, exponent_of(bin));
    const double share = fmax(double(number_of(problem.top_p, index)), 0.0);
    return share * block_sum(mass, shared.sums);
  }
};

template <typename Weights, typename T>
__device__ double mass_from(const RowScores<T>& row, uint32_t least_key, ReachShared& shared) {
  float mass = 0.0f;
  row.for_each(true, [&](float score, int) {
    const uint32_t key = key_of<Weights>(score);
    if (key >= least_key) mass += Weights::weight(score, 0.0f);
  });
  return block_sum<double>(mass, shared.sums);
}

// Masses are those of probabilities; of logits they are not asked for.
template <typename Rule, typename Weights, typename T>
__device__ Kept find_kept(const RenormProblem& problem, const RowScores<T>& row, int64_t index,
                          BoundShared<Rule::template Bins>& shared) {
  constexpr bool kMass = std::is_same_v<Weights, Probabilities>;
  const RowKeys<Weights, T> keys{row};
  if (Rule::all_stay(problem, row, index)) return {1, kMass ? mass_from<Weights>(row, 1, shared.reach) : 0.0};
  fill_first_digit(keys, shared.bins);
  const double limit = Rule::limit(problem, index, shared.bins, shared.reach);
  const Reached reached = reach(shared.bins, kBins, 0.0, limit, [](int bin) { return exponent_of(bin); }, shared.reach);
  if (reached.bin < 0) return {1, kMass ? mass_from<Weights>(row, 1, shared.reach) : 0.0};

  float larger = 0.0f;
  const int count = gather_digit(keys, reached.bin, shared.gathered, &shared.count, [&](uint32_t key) {
    if constexpr (kMass) larger += Weights::weight(score_of(key), 0.0f);
  });
  if (count > kMostGathered) {
    const uint32_t least = refine(keys, reached.bin, reached.above, limit, shared.few, shared.reach);
    return {least, kMass ? mass_from<Weights>(row, least, shared.reach) : 0.0};
  }
  const GatheredKeys gathered{shared.gathered, count};
  const uint32_t least = refine(gathered, reached.bin, reached.above, limit, shared.few, shared.reach);
  if constexpr (!kMass) return {least, 0.0};
  // Floats of one exponent: their sum in double is exact, in whatever order they were gathered.
  double mass = 0.0;
  gathered.for_each(false, [&](uint32_t key) {
    if (key >= least) mass += Weights::weight(score_of(key), 0.0f);
  });
  mass = block_sum(mass, shared.reach.sums);
  return {least, block_sum<double>(larger, shared.reach.sums) + mass};
}

template <typename Weights>
__device__ __forceinline__ float written(float score, const Kept& kept, float mass) {
  const bool stays = key_of<Weights>(score) >= kept.least_key;
  if constexpr (std::is_same_v<Weights, Logits>) return stays ? score : -INFINITY;
  return stays ? Weights::weight(score, 0.0f) / mass : 0.0f;
}

template <typename Rule, typename Weights, typename T>
__global__ void __launch_bounds__(kRowThreads) renorm_kernel(RenormProblem problem) {
  wait_for_earlier_kernels();
  __shared__ BoundShared<Rule::template Bins> fixed;
  BoundShared<Rule::template Bins>& shared = *found_once(&fixed);
  const int64_t index = blockIdx.x;
  const T* start = static_cast<const T*>(problem.scores) + index * problem.row_stride;
  const RowScores<T> row{start, int(problem.classes), reinterpret_cast<uintptr_t>(start) % 16 == 0};
  const Kept kept = find_kept<Rule, Weights>(problem, row, index, shared);
  const float mass = float(kept.mass);
  T* out = static_cast<T*>(problem.out) + index * problem.classes;
  write_row(row, out, [&](float score) { return written<Weights>(score, kept, mass); });
}

}  // namespace warpwright
