// Kernel that chooses among so few experts that a thread holds a token's: an expert's place is the number of those
// before it, so that no choice waits for another.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/moe/route_plan.h"
#include "warpwright/moe/route_scores.cuh"

namespace warpwright {

constexpr int kFewExperts = kRouteHeld[0];

// What is left of a problem without groups, bias, cap, shared experts and source rows, whose ids have 32 bits.
struct FewExperts {
  float* weights;
  int32_t* ids;
  const void* logits;
  int64_t tokens, weights_stride, ids_stride, logits_stride;
  int experts, routed;
  float scale;
  bool is_float16, renormalize, in_vectors;

  static bool are_in(const RouteProblem& p) {
    return p.experts <= kFewExperts && p.groups == 1 && p.bias == nullptr && p.softcap == 0.f && p.shared == 0 &&
           p.source_rows == nullptr && !p.ids_of_64_bits;
  }

  template <typename Raw>
  static FewExperts of(const RouteProblem& p) {
    FewExperts few;
    few.weights = p.weights;
    few.ids = static_cast<int32_t*>(p.ids);
    few.logits = p.logits;
    few.tokens = p.tokens;
    few.weights_stride = p.weights_stride;
    few.ids_stride = p.ids_stride;
    few.logits_stride = p.logits_stride;
    few.experts = int(p.experts);
    few.routed = int(p.routed);
    few.scale = p.scale;
    few.is_float16 = p.dtype == Dtype::kFloat16;
    few.renormalize = p.renormalize;
    few.in_vectors = p.experts == kFewExperts &&
                     takes_vectors<Raw, kRouteVector<Raw, kFewExperts>>(p.logits, p.logits_stride, p.experts);
    return few;
  }
};

// What is behind the last expert is -inf.
template <typename Raw>
__device__ __forceinline__ void read_few(const FewExperts& p, int64_t token, float (&to)[kFewExperts]) {
  constexpr int kSize = kRouteVector<Raw, kFewExperts>;
  const Raw* from = static_cast<const Raw*>(p.logits) + token * p.logits_stride;
  if (p.in_vectors) {
    Vector<Raw, kSize> read[kFewExperts / kSize];
#pragma unroll
    for (int i = 0; i < kFewExperts / kSize; ++i) read[i] = vector_at<Raw, kSize>(from + i * kSize);
#pragma unroll
    for (int i = 0; i < kFewExperts; ++i) to[i] = float_of(read[i / kSize].at[i % kSize], p.is_float16);
  } else {
#pragma unroll
    for (int i = 0; i < kFewExperts; ++i) to[i] = i < p.experts ? float_of(from[i], p.is_float16) : -INFINITY;
  }
}

// How many experts come before each: those of a larger logit, and the lower ones among equals. A NaN counts as -inf;
// what is behind the last expert is -inf too, and comes after all.
__device__ __forceinline__ void find_places(const float (&logits)[kFewExperts], int (&places)[kFewExperts]) {
  float numbers[kFewExperts];
#pragma unroll
  for (int i = 0; i < kFewExperts; ++i) {
    numbers[i] = fmaxf(logits[i], -INFINITY);
    places[i] = i;
  }
#pragma unroll
  for (int i = 0; i < kFewExperts; ++i) {
#pragma unroll
    for (int later = i + 1; later < kFewExperts; ++later) {
      const int goes_ahead = numbers[later] > numbers[i];
      places[i] += goes_ahead;
      places[later] -= goes_ahead;
    }
  }
}

// The weights of all experts, before they are renormalised.
template <Scoring kScoring>
__device__ __forceinline__ void weigh(const float (&logits)[kFewExperts], float (&weights)[kFewExperts]) {
  if constexpr (kScoring == Scoring::kSigmoid) {
#pragma unroll
    for (int i = 0; i < kFewExperts; ++i) weights[i] = sigmoid_of(logits[i]);
  } else {
    float largest = -INFINITY, sum = 0;
#pragma unroll
    for (int i = 0; i < kFewExperts; ++i) largest = fmaxf(largest, logits[i]);
#pragma unroll
    for (int i = 0; i < kFewExperts; ++i) {
      weights[i] = exp2_of((logits[i] - largest) * kLog2E);
      sum += weights[i];
    }
    const float inverse = reciprocal_of(sum);
#pragma unroll
    for (int i = 0; i < kFewExperts; ++i) weights[i] *= inverse;
  }
}

template <typename Raw, Scoring kScoring>
__device__ __forceinline__ void route_few(const FewExperts& p, int64_t token) {
  float logits[kFewExperts], weights[kFewExperts], factor = 1;
  int places[kFewExperts];
  read_few<Raw>(p, token, logits);
  find_places(logits, places);
  weigh<kScoring>(logits, weights);
  if (p.renormalize) {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kFewExperts; ++i) sum += places[i] < p.routed ? weights[i] : 0.f;
    if (sum != 0.f) factor = reciprocal_of(sum);
  }
  float* to = p.weights + token * p.weights_stride;
  int32_t* ids = p.ids + token * p.ids_stride;
  asm("" : "+l"(to), "+l"(ids));  // or the compiler multiplies anew for each expert
#pragma unroll
  for (int i = 0; i < kFewExperts; ++i) {
    if (places[i] < p.routed) {
      to[places[i]] = weights[i] * factor * p.scale;
      ids[places[i]] = i;
    }
  }
}

template <typename Raw, Scoring kScoring>
__global__ void __launch_bounds__(32 * kMostRouteWarps) route_few_kernel(FewExperts p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int64_t threads = int64_t{gridDim.x} * blockDim.x;
#pragma unroll 1
  for (int64_t token = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; token < p.tokens; token += threads) {
    route_few<Raw, kScoring>(p, token);
  }
}

}  // namespace warpwright
