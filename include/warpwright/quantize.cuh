// Rounding of floats to 8 bits.
#pragma once

#include <cuda_fp8.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/vector.cuh"

namespace warpwright {

// To the nearest, ties to even, held between two bounds.
__device__ __forceinline__ uint8_t to_int8(float x, float least, float most) {
  return static_cast<uint8_t>(static_cast<int8_t>(__float2int_rn(fminf(fmaxf(x, least), most))));
}

// The same; a NaN stays one, which fmaxf would replace.
__device__ __forceinline__ float held_between(float x, float least, float most) {
  return x < least ? least : x > most ? most : x;
}

template <int kSize>
__device__ __forceinline__ void quantize_vector(Dtype dtype, float least, float most, const float (&x)[kSize],
                                                uint8_t* to) {
  Vector<uint8_t, kSize> written;
  if (dtype == Dtype::kInt8) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) written.at[i] = to_int8(x[i], least, most);
  } else if constexpr (kSize % 2 == 0) {
#pragma unroll
    for (int i = 0; i < kSize; i += 2) {
      const float2 pair{held_between(x[i], least, most), held_between(x[i + 1], least, most)};
      const auto both = __nv_cvt_float2_to_fp8x2(pair, __NV_SATFINITE, __NV_E4M3);
      written.at[i] = static_cast<uint8_t>(both & 0xff);
      written.at[i + 1] = static_cast<uint8_t>(both >> 8);
    }
  } else {
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      written.at[i] = __nv_cvt_float_to_fp8(held_between(x[i], least, most), __NV_SATFINITE, __NV_E4M3);
    }
  }
  *reinterpret_cast<Vector<uint8_t, kSize>*>(to) = written;
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
