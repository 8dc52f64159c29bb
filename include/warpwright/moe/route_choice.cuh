// How the lanes of a token find its largest score again and again: policies of the routing kernel.
#pragma once

#include "warpwright/moe/route_scores.cuh"
#include "warpwright/rows/row_reduce.cuh"

namespace warpwright {

// The lanes side by side that have one token.
template <int kLanes>
struct TokenLanes {
  static constexpr int kCount = kLanes;
  int lane = threadIdx.x % kLanes;      // of the token's
  int start = threadIdx.x % 32 - lane;  // the token's first, of the warp's

  // One instruction for a whole warp from SM 8.0 on.
  __device__ __forceinline__ uint32_t max_of(uint32_t value) const {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    constexpr int kSteps = kLanes == 32 ? 0 : kLanes;
    if constexpr (kLanes == 32) value = __reduce_max_sync(0xffffffffu, value);
#else
    constexpr int kSteps = kLanes;
#endif
#pragma unroll
    for (int offset = kSteps / 2; offset > 0; offset /= 2) {
      value = max(value, __shfl_xor_sync(0xffffffffu, value, offset));
    }
    return value;
  }

  __device__ __forceinline__ float sum_of(float value) const { return over_few_lanes<Sum>(value, kLanes); }

  // The first lane of the token for which it holds; there is one.
  __device__ __forceinline__ int first_where(bool holds) const {
    if constexpr (kLanes == 1) return 0;
    return __ffs(int(__ballot_sync(0xffffffffu, holds) >> start & (0xffffffffu >> (32 - kLanes)))) - 1;
  }

  template <typename Value>
  __device__ __forceinline__ Value from(Value value, int of_lane) const {
    if constexpr (kLanes == 1) return value;
    return __shfl_sync(0xffffffffu, value, of_lane, kLanes);
  }
};

struct Choice {
  int id;
  float score;
};

// Scores of any bits. Equal ones of two lanes go to the lower lane, and of one lane to the lower place: to the lower
// expert.
template <int kHeld>
class ExactChoice {
 public:
  __device__ __forceinline__ ExactChoice(const float (&scores)[kHeld], int count, int first) : first_(first) {
#pragma unroll
    for (int i = 0; i < kHeld; ++i) order_[i] = i < count ? order_of(scores[i]) : 0;
    find();
  }

  template <typename Lanes>
  __device__ __forceinline__ float largest(const Lanes& lanes) const {
    return of_order(lanes.max_of(best_));
  }

  template <typename Lanes>
  __device__ __forceinline__ Choice next(const Lanes& lanes) {
    const uint32_t largest = lanes.max_of(best_);
    const int winner = lanes.first_where(best_ == largest);
    const int id = lanes.from(first_ + place_, winner);
    if (lanes.lane == winner) {
#pragma unroll
      for (int i = 0; i < kHeld; ++i) order_[i] = i == place_ ? 0 : order_[i];
      find();
    }
    return {id, of_order(largest)};
  }

  // Leaves this lane's experts out.
  __device__ __forceinline__ void drop() { best_ = 0; }

  // The two largest, of which the second is 0 where there is but one.
  __device__ __forceinline__ void two_largest(uint32_t& one, uint32_t& two) const {
    one = two = 0;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      two = max(two, min(one, order_[i]));
      one = max(one, order_[i]);
    }
  }

 private:
  __device__ __forceinline__ void find() {
    best_ = 0;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      if (order_[i] > best_) {
        best_ = order_[i];
        place_ = i;
      }
    }
  }

  uint32_t order_[kHeld], best_ = 0;
  int first_, place_ = 0;
};

// Which pairs a sorting network compares, one after the other: Batcher, "Sorting networks and their applications",
// 1968, the odd-even merge. What would stand behind the end is the least, and never moves.
template <int kSize>
struct SortingNetwork {
  int low[kSize * 6] = {}, high[kSize * 6] = {}, count = 0;

  constexpr SortingNetwork() {
    for (int part = 1; part < kSize; part *= 2) {
      for (int step = part; step > 0; step /= 2) {
        for (int start = step % part; start + step < kSize; start += 2 * step) {
          for (int i = start; i < start + step && i + step < kSize; ++i) {
            if (i / (2 * part) != (i + step) / (2 * part)) continue;
            low[count] = i;
            high[count++] = i + step;
          }
        }
      }
    }
  }
};

constexpr int kMostPackedHeld = 16;  // experts of a lane: ten bits name a warp's, and more are dear to sort

// Scores of which the upper 22 bits are all that there is, such as float16 and bfloat16, of up to 1024 experts: the
// lower ten bits hold the expert, so that one number says it all and no two are equal.
template <int kHeld>
class PackedChoice {
 public:
  __device__ __forceinline__ PackedChoice(const float (&scores)[kHeld], int count, int first) {
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const uint32_t packed = (order_of(scores[i]) & ~kPlaces) | (kPlaces - uint32_t(first + i));
      order_[i] = i < count ? packed : 0;
    }
    constexpr SortingNetwork<kHeld> kNetwork;
#pragma unroll
    for (int i = 0; i < kNetwork.count; ++i) {
      uint32_t &one = order_[kNetwork.low[i]], &other = order_[kNetwork.high[i]];
      const uint32_t larger = max(one, other);
      other = min(one, other);
      one = larger;
    }
  }

  template <typename Lanes>
  __device__ __forceinline__ float largest(const Lanes& lanes) const {
    return score_of(first(lanes));
  }

  template <typename Lanes>
  __device__ __forceinline__ Choice next(const Lanes& lanes) {
    const uint32_t largest = take(lanes);
    return {id_of(largest), score_of(largest)};
  }

  // Of what is left, the largest number that says it all; it is less than 1024 where nothing is left.
  template <typename Lanes>
  __device__ __forceinline__ uint32_t first(const Lanes& lanes) const {
    return lanes.max_of(order_[0]);
  }

  template <typename Lanes>
  __device__ __forceinline__ uint32_t take(const Lanes& lanes) {
    const uint32_t largest = first(lanes);
    const bool won = order_[0] == largest;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) order_[i] = won ? (i + 1 < kHeld ? order_[i + 1] : 0) : order_[i];
    return largest;
  }

  __device__ __forceinline__ static int id_of(uint32_t packed) { return int(kPlaces - (packed & kPlaces)); }

  static constexpr uint32_t kPlaces = 1023;

 private:
  // The score's own lower bits are 0, those of a negative one in its order 1.
  __device__ __forceinline__ static float score_of(uint32_t packed) {
    return __uint_as_float(__float_as_uint(of_order(packed)) & ~kPlaces);
  }

  uint32_t order_[kHeld];  // the largest first
};

// Chooses by the upper 22 bits of scores of any bits, which nearly always tell the largest of them apart. Returns
// whether they did, for all tokens of the warp: then `id` is the choice that is this lane's by its number, in their
// order, and 0 of lanes that have none.
template <int kHeld, typename Lanes>
__device__ __forceinline__ bool choose_by_upper_bits(const float (&scores)[kHeld], int count, int first,
                                                     const Lanes& lanes, int routed, int& id) {
  using Packed = PackedChoice<kHeld>;
  Packed choices(scores, count, first);
  uint32_t before = 0, own = Packed::kPlaces, least_change = ~0u;  // from one number to the next
#pragma unroll 1
  for (int i = 0; i < routed; ++i) {
    const uint32_t chosen = choices.take(lanes);
    least_change = min(least_change, before ^ chosen);
    if (i == lanes.lane) own = chosen;
    before = chosen;
  }
  least_change = min(least_change, before ^ choices.first(lanes));
  id = Packed::id_of(own);
  return __all_sync(0xffffffffu, least_change > Packed::kPlaces);
}

}  // namespace warpwright
