// What experts are chosen by and weighed with: logits as they are read, their order, and what is made of them.
#pragma once

#include <cmath>

#include "warpwright/moe/route.h"
#include "warpwright/vector.cuh"

namespace warpwright {

constexpr float kLog2E = 1.4426950408889634f;

// The bits of a float as a number, in the order of the floats: a NaN counts as -inf, and -0 as 0. None of them is 0.
__device__ __forceinline__ uint32_t order_of(float x) {
  const uint32_t bits = __float_as_uint(fmaxf(x, -INFINITY) + 0.f);
  return bits ^ (uint32_t(int32_t(bits) >> 31) | 0x80000000u);
}

__device__ __forceinline__ float of_order(uint32_t order) {
  return __uint_as_float(order ^ (~uint32_t(int32_t(order) >> 31) | 0x80000000u));
}

// 2^x, and 1 / x, to a unit in the last place or two; what is less than float32's normal numbers is 0.
__device__ __forceinline__ float exp2_of(float x) {
  asm("ex2.approx.ftz.f32 %0, %0;" : "+f"(x));
  return x;
}

__device__ __forceinline__ float reciprocal_of(float x) {
  asm("rcp.approx.ftz.f32 %0, %0;" : "+f"(x));
  return x;
}

__device__ __forceinline__ float sigmoid_of(float x) { return reciprocal_of(1.f + exp2_of(-x * kLog2E)); }

// Near 0, where the difference of the other form would cancel, the first terms of its series.
__device__ __forceinline__ float tanh_of(float x) {
  const float square = x * x, far = copysignf(1.f - 2.f * reciprocal_of(1.f + exp2_of(fabsf(x) * (2 * kLog2E))), x);
  const float series = square * (-1.f / 3 + square * (2.f / 15 + square * (-17.f / 315 + square * (62.f / 2835))));
  const float near = x * (1.f + series);
  return fabsf(x) < 0.3f ? near : far;
}

__device__ __forceinline__ float capped(const RouteProblem& p, float x) {
  return p.softcap == 0.f ? x : p.softcap * tanh_of(x * p.inverse_softcap);
}

// What is chosen by where there is a bias; without one it is the logit, of which what is below grows with it.
template <Scoring kScoring>
__device__ __forceinline__ float biased_score(const RouteProblem& p, float logit, float bias) {
  if constexpr (kScoring == Scoring::kSigmoid) return sigmoid_of(logit) + bias;
  return __fadd_rn(capped(p, logit), bias);  // never one rounding with the cap's: the same bits wherever it is inlined
}

// A number of 16 bits, by its bits.
__device__ __forceinline__ float float_of(uint16_t bits, bool is_float16) {
  return is_float16 ? __half2float(__ushort_as_half(bits)) : __uint_as_float(uint32_t(bits) << 16);
}
__device__ __forceinline__ float float_of(float x, bool) { return x; }

__device__ __forceinline__ float read_float(const void* from, Dtype dtype, int64_t index) {
  if (dtype == Dtype::kFloat32) return static_cast<const float*>(from)[index];
  return float_of(static_cast<const uint16_t*>(from)[index], dtype == Dtype::kFloat16);
}

// Elements of a vector of up to 16 bytes, of which a whole number is held.
template <typename Raw, int kHeld>
constexpr int kRouteVector = kHeld % kFullVector<Raw> == 0 ? kFullVector<Raw> : kFullVector<Raw> / 2;

// Reads the first `count` of kHeld numbers; the others are -inf. In vectors, `count` is a whole number of them.
template <typename Raw, int kHeld>
__device__ __forceinline__ void read_held(const Raw* from, int count, bool in_vectors, bool is_float16,
                                          float (&to)[kHeld]) {
  constexpr int kSize = kRouteVector<Raw, kHeld>;
  Raw raw[kHeld];
  if (in_vectors) {
#pragma unroll
    for (int first = 0; first < kHeld; first += kSize) {
      Vector<Raw, kSize> read{};
      if (first < count) read = vector_at<Raw, kSize>(from + first);
#pragma unroll
      for (int i = 0; i < kSize; ++i) raw[first + i] = read.at[i];
    }
  } else {
#pragma unroll
    for (int i = 0; i < kHeld; ++i) raw[i] = i < count ? from[i] : Raw{};
  }
#pragma unroll
  for (int i = 0; i < kHeld; ++i) to[i] = float_of(raw[i], is_float16);
  if (count < kHeld) {
#pragma unroll
    for (int i = 0; i < kHeld; ++i) to[i] = i < count ? to[i] : -INFINITY;
  }
}

// Adds the bias of the held experts to what is made of their logits.
template <Scoring kScoring, typename Raw, int kHeld>
__device__ __forceinline__ void bias_held(const RouteProblem& p, int64_t first, int count, bool in_vectors,
                                          float (&scores)[kHeld]) {
  float bias[kHeld];
  if (p.bias_is_float32) {
    read_held<float>(static_cast<const float*>(p.bias) + first, count, in_vectors, false, bias);
  } else {
    read_held<Raw>(static_cast<const Raw*>(p.bias) + first, count, in_vectors, p.dtype == Dtype::kFloat16, bias);
  }
#pragma unroll
  for (int i = 0; i < kHeld; ++i) scores[i] = biased_score<kScoring>(p, scores[i], bias[i]);
}

}  // namespace warpwright
