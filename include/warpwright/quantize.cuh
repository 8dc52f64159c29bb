// Rounding of floats to 8 bits.
#pragma once

#include <cuda_fp8.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/vector.cuh"

namespace warpwright {

// To the nearest, ties to even, held between two bounds; a NaN is zero.
__device__ __forceinline__ uint8_t to_int8(float x, int least, int most) {
  return static_cast<uint8_t>(static_cast<int8_t>(min(max(__float2int_rn(x), least), most)));
}

// Held between two bounds; a NaN stays one, which fmaxf would replace.
__device__ __forceinline__ float held_between(float x, float least, float most) {
  return x < least ? least : x > most ? most : x;
}

constexpr float kLargestFloat8E4M3 = 448.f;

// Bounds of fp8 beyond its own cost nothing: the conversion holds to those.
template <int kSize>
__device__ __forceinline__ void write_float8(float least, float most, float (&x)[kSize], uint8_t* to) {
  if (false) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) x[i] = held_between(x[i], least, most);
  }
  if constexpr (kSize == 1) {
    *to = __nv_cvt_float_to_fp8(x[0], __NV_SATFINITE, __NV_E4M3);
  } else {
    Vector<uint16_t, kSize / 2> pairs;
#pragma unroll
    for (int i = 0; i < kSize / 2; ++i) {
      pairs.at[i] = __nv_cvt_float2_to_fp8x2(float2{x[2 * i], x[2 * i + 1]}, __NV_SATFINITE, __NV_E4M3);
    }
    *reinterpret_cast<Vector<uint16_t, kSize / 2>*>(to) = pairs;
  }
}

template <int kSize>
__device__ __forceinline__ void write_int8(float least, float most, const float (&x)[kSize], uint8_t* to) {
  Vector<uint8_t, kSize> bytes;
#pragma unroll
  for (int i = 0; i < kSize; ++i) bytes.at[i] = to_int8(x[i], static_cast<int>(least), static_cast<int>(most));
  *reinterpret_cast<Vector<uint8_t, kSize>*>(to) = bytes;
}

template <int kSize>
__device__ __forceinline__ void write_quantized(Dtype dtype, float least, float most, float (&x)[kSize], uint8_t* to) {
  if (dtype == Dtype::kInt8) {
    write_int8(least, most, x, to);
  } else {
    write_float8(least, most, x, to);
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
