// Rounding of floats to 8 bits.
#pragma once

#include <cuda_fp8.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/vector.cuh"

namespace warpwright {

// Between two bounds; a NaN stays one, which fmaxf would replace.
__device__ __forceinline__ float held_between(float x, float least, float most) {
  return x < least ? least : x > most ? most : x;
}

// To the nearest, ties to even, and to the nearer end of int8 beyond it; zero for a NaN.
__device__ __forceinline__ uint8_t to_int8(float x) {
  int32_t rounded;
  asm("cvt.rni.sat.s8.f32 %0, %1;" : "=r"(rounded) : "f"(x));
  return static_cast<uint8_t>(rounded);
}

constexpr float kMostFloat8 = 448.f;

// To the nearest float8_e4m3fn, ties to even; what is past the largest becomes it. The instruction came with SM 8.9, and
// CUDA's own code for older ones computes in fp64.
__device__ __forceinline__ uint8_t to_float8(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
  return __nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E4M3);
#else
  const uint32_t sign = __float_as_uint(x) >> 24 & 0x80;
  const float magnitude = fabsf(x);
  if (magnitude != magnitude) return uint8_t(sign | 0x7f);
  const float held = fminf(magnitude, kMostFloat8);
  const uint32_t bits = __float_as_uint(held);
  if (held < 0x1p-6f) {  // a multiple of 2^-9, as the floats from 2^14 on are
    return uint8_t(sign | (__float_as_uint(held + 0x1p14f) - __float_as_uint(0x1p14f)));
  }
  const uint32_t rounded = bits + 0x7ffff + (bits >> 20 & 1);  // three bits of mantissa stay; the bias goes from 127 to 7
  return uint8_t(sign | ((rounded >> 20) - (120 << 3)));
#endif
}

// Two at once, the first one in the lower byte.
__device__ __forceinline__ uint16_t to_float8_pair(float one, float other) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
  return __nv_cvt_float2_to_fp8x2(float2{one, other}, __NV_SATFINITE, __NV_E4M3);
#else
  return static_cast<uint16_t>(to_float8(one) | to_float8(other) << 8);
#endif
}

template <int kSize>
__device__ __forceinline__ void write_float8(const float (&x)[kSize], uint8_t* to) {
  if constexpr (kSize == 1) {
    *to = to_float8(x[0]);
  } else {
    Vector<uint16_t, kSize / 2> pairs;
#pragma unroll
    for (int i = 0; i < kSize / 2; ++i) pairs.at[i] = to_float8_pair(x[2 * i], x[2 * i + 1]);
    *reinterpret_cast<Vector<uint16_t, kSize / 2>*>(to) = pairs;
  }
}

template <int kSize>
__device__ __forceinline__ void write_int8(const float (&x)[kSize], uint8_t* to) {
  Vector<uint8_t, kSize> bytes;
#pragma unroll
  for (int i = 0; i < kSize; ++i) bytes.at[i] = to_int8(x[i]);
  *reinterpret_cast<Vector<uint8_t, kSize>*>(to) = bytes;
}

// What floats are rounded to: fp8 or int8, between two bounds. Those of the type itself cost no comparison.
struct Rounding {
  Dtype dtype;
  bool is_narrower;  // than the type
  float least, most;

  Rounding(Dtype to, float lower, float upper)
      : dtype(to),
        is_narrower(to == Dtype::kInt8 ? lower > -128.f || upper < 127.f : lower > -kMostFloat8 || upper < kMostFloat8),
        least(lower),
        most(upper) {}
};

template <int kSize>
__device__ __forceinline__ void write_quantized(const Rounding& rounding, float (&x)[kSize], uint8_t* to) {
  if (rounding.is_narrower) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) x[i] = held_between(x[i], rounding.least, rounding.most);
  }
  if (rounding.dtype == Dtype::kInt8) {
    write_int8(x, to);
  } else {
    write_float8(x, to);
  }
}

// The least power of two that is not less; of what is no normal number, the least normal power.
__device__ __forceinline__ float power_of_two_above(float x) {
  if (!(x < INFINITY)) return x;
  const uint32_t bits = __float_as_uint(x);
  const uint32_t exponent = (bits >> 23) + ((bits & 0x7fffff) != 0 ? 1 : 0);
  return __uint_as_float((exponent == 0 ? 1 : exponent) << 23);
}

// The exponent byte of a power of two (UE8M0 of the OCP Microscaling formats); 255 for NaN.
__device__ __forceinline__ uint8_t exponent_of(float x) { return static_cast<uint8_t>(__float_as_uint(x) >> 23); }

}  // namespace warpwright
