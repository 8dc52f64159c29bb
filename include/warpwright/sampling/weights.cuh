// What a score says of its class: its weight in the draw, and its place in the order of all.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "warpwright/exp.cuh"
#include "warpwright/ordered_key.cuh"
#include "warpwright/sampling/draw_problem.h"

namespace warpwright {

template <typename Number>
__device__ Number number_of(const RowNumber<Number>& number, int64_t row) {
  return number.each == nullptr ? number.all : number.each[row];
}

// Scores are probabilities, of any sum. What is negative or NaN counts as 0, what is above 2^100 as 2^100.
struct Probabilities {
  __device__ static float least() { return 0.0f; }  // scores above it have weight

  __device__ __forceinline__ static float weight(float score, float) { return fminf(score, 0x1p100f); }

  // What heavier scores alone are above.
  __device__ static float bound_of(float score) { return score < 0x1p100f ? score : INFINITY; }
};

// Scores are logits: the weight is that of a softmax whose largest logit is known. NaN count as -inf; where a logit is
// +inf, it and its equals have all the weight.
struct Logits {
  __device__ static float least() { return -INFINITY; }

  __device__ static float bound_of(float score) { return score; }
  __device__ __forceinline__ static float weight(float score, float largest) {
    return score == largest ? 1.0f : exp_of_negative(score - largest);
  }
};

// The ordered_key of a score, of a probability that of its weight, in fewer instructions, since no NaN has weight;
// kKeyOfNone without weight.
template <typename Weights>
__device__ __forceinline__ uint32_t key_of(float score) {
  constexpr bool kLogits = std::is_same_v<Weights, Logits>;
  // Of the zeros the positive one.
  const uint32_t bits = __float_as_uint(kLogits ? score + 0.0f : Weights::weight(score, 0.0f));
  const uint32_t turned = kLogits ? uint32_t(int32_t(bits) >> 31) : 0u;
  return score > Weights::least() ? bits ^ (turned | kKeyOfZero<float>) : kKeyOfNone;
}

__device__ __forceinline__ float score_of(uint32_t key) { return from_ordered_key<float>(key); }

// A bound that the scores of a key and of larger ones are above, and no other. No float has the key before that of the
// zeros, which would give back -0: no bound of 0.
__device__ __forceinline__ float score_below(uint32_t key) {
  return score_of(key - (key == kKeyOfZero<float> ? 2 : 1));
}

// The weights of some scores together, relative to the largest of them.
template <typename Weights>
struct Mass {
  float largest = Weights::least(), sum = 0.0f;

  __device__ __forceinline__ void add(float score) {
    if (!(score > Weights::least())) return;
    if constexpr (std::is_same_v<Weights, Logits>) {
      if (score > largest) {
        sum *= Logits::weight(largest, score);
        largest = score;
      }
    }
    sum += Weights::weight(score, largest);
  }

  // The same relative to a larger one.
  __device__ float beside(float larger) const {
    if constexpr (std::is_same_v<Weights, Logits>) {
      return sum == 0.0f ? 0.0f : sum * Logits::weight(largest, larger);
    } else {
      return sum;
    }
  }
};

}  // namespace warpwright
