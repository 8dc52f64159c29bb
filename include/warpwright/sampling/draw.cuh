// A class by chance: by rejection where classes are left out, so that the row is not sorted.
//
// A class is drawn with the weights of those above a bound, at first all of them. It stays where less than the mass
// asked for is heavier than it; otherwise the bound rises to its own score. Each turn leaves fewer classes, and the
// heaviest one always stays. Method: FlashInfer, "Sorting-Free GPU Kernels for LLM Sampling" (2025).
#pragma once

#include "warpwright/random.cuh"
#include "warpwright/sampling/block_sum.cuh"
#include "warpwright/sampling/weights.cuh"

namespace warpwright {

struct Drawn {
  int index;  // -1: there was none
  float score;
};

struct DrawShared {
  double sums[kRowWarps];
  float maxima[kRowWarps];
  int first, last;  // threads
  double rest;
  Drawn drawn;
};

template <typename Weights, typename T>
struct Draw {
  const RowScores<T>& row;
  const float largest;
  DrawShared& shared;

  __device__ float weight_above(float score, float bound) const {
    return score > bound ? Weights::weight(score, largest) : 0.0f;
  }

  // The weights above a bound among this thread's elements.
  __device__ float mass_above(float bound, bool backward) const {
    float mass = 0.0f;
    row.for_each(backward, [&](float score, int) { mass += weight_above(score, bound); });
    return mass;
  }

  // The class at a share of all weights above a bound, of which this thread has `mass`.
  __device__ Drawn at(double share, float bound, float mass) const {
    const Prefix<double> prefix = prefix_sum<double>(mass, shared.sums);
    if (!(prefix.total > 0.0)) return {-1, 0.0f};
    const double target = share * prefix.total;
    const int owner = owner_of(mass > 0.0f, prefix.up_to > target);
    if (threadIdx.x == owner) shared.rest = target - (prefix.up_to - mass);
    __syncthreads();
    if (threadIdx.x < 32) search(owner, bound);
    __syncthreads();
    return shared.drawn;
  }

  // The same for the weights above a bound, but that those stay alone that less than `share` of `whole` is heavier
  // than; where `whole` is negative, of what is above the bound.
  __device__ Drawn within(double share, double whole, float bound, float mass, const RowRandom& random) const {
    for (uint32_t turn = 0;; ++turn) {
      const uint4 words = random.words(turn);
      const Drawn drawn = at(unit_interval(words.x, words.y), bound, mass);
      if (drawn.index < 0 || share >= 1.0) return drawn;
      if (whole < 0.0) whole = block_sum<double>(mass, shared.sums);
      bound = Weights::bound_of(drawn.score);
      mass = mass_above(bound, turn % 2 == 0);
      const double heavier = block_sum<double>(mass, shared.sums);
      if (heavier < share * whole || heavier == 0.0) return drawn;
    }
  }

 private:
  // The first thread with mass whose prefix is past the target; by rounding there may be none, and then the last one.
  __device__ int owner_of(bool has_mass, bool past) const {
    if (threadIdx.x == 0) {
      shared.first = kRowThreads;
      shared.last = 0;
    }
    const uint32_t some = __ballot_sync(0xffffffffu, has_mass), fit = __ballot_sync(0xffffffffu, has_mass && past);
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
      if (some != 0) atomicMax(&shared.last, int(threadIdx.x) + 31 - __clz(some));
      if (fit != 0) atomicMin(&shared.first, int(threadIdx.x) + __ffs(fit) - 1);
    }
    __syncthreads();
    return shared.first < kRowThreads ? shared.first : shared.last;
  }

  // One warp goes through the elements of one thread, in their order.
  __device__ void search(int owner, float bound) const {
    constexpr int kAhead = 2, kChunk = RowScores<T>::kChunk;
    const int lane = threadIdx.x, count = row.steps() * kChunk;
    const double rest = shared.rest;
    double before = 0.0;
    Drawn found{-1, 0.0f};
    for (int base = 0; base < count; base += 32 * kAhead) {
      float score[kAhead];
#pragma unroll
      for (int ahead = 0; ahead < kAhead; ++ahead) score[ahead] = score_at(base + 32 * ahead + lane, count, owner);
#pragma unroll
      for (int ahead = 0; ahead < kAhead; ++ahead) {
        const float weight = weight_above(score[ahead], bound);
        const double up_to = before + sum_up_to_lane<double>(weight);
        const uint32_t some = __ballot_sync(0xffffffffu, weight > 0.0f);
        const uint32_t fit = __ballot_sync(0xffffffffu, weight > 0.0f && up_to > rest);
        before = __shfl_sync(0xffffffffu, up_to, 31);
        if (some == 0) continue;
        const int of = fit != 0 ? __ffs(fit) - 1 : 31 - __clz(some);
        found.score = __shfl_sync(0xffffffffu, score[ahead], of);
        found.index = index_at(base + 32 * ahead + of, owner);
        if (fit != 0) {
          if (lane == 0) shared.drawn = found;
          return;
        }
      }
    }
    if (lane == 0) shared.drawn = found;
  }

  __device__ static int index_at(int place, int owner) {
    return RowScores<T>::first_of(place / RowScores<T>::kChunk, owner) + place % RowScores<T>::kChunk;
  }

  __device__ float score_at(int place, int count, int owner) const {
    const int index = index_at(place, owner);
    return place < count && index < row.classes ? to_float(row.start[index]) : Weights::least();
  }
};

}  // namespace warpwright
