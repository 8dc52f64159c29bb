// Rows of floats, read and written in vectors of up to 16 bytes, computed in fp32.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

// Read and written at once up to 16 bytes, and by as many of those beyond.
template <typename T, int kSize>
struct alignas(sizeof(T) * kSize < 16 ? sizeof(T) * kSize : 16) Vector {
  T at[kSize];
};

template <typename T>
constexpr int kFullVector = 16 / sizeof(T);

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(__half x) { return __half2float(x); }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

template <typename T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__device__ inline __half from_float<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

// Reads kSize elements, which stand at a multiple of their own bytes, as floats.
template <typename T, int kSize>
__device__ __forceinline__ void read_vector(const T* from, float (&to)[kSize]) {
  const auto read = *reinterpret_cast<const Vector<T, kSize>*>(from);
#pragma unroll
  for (int i = 0; i < kSize; ++i) to[i] = to_float(read.at[i]);
}

// kSize elements as they are.
template <typename T, int kSize>
__device__ __forceinline__ Vector<T, kSize> vector_at(const T* start) {
  return *reinterpret_cast<const Vector<T, kSize>*>(start);
}

// Writes kSize floats, each rounded once.
template <typename T, int kSize>
__device__ __forceinline__ void write_vector(T* to, const float (&from)[kSize]) {
  Vector<T, kSize> written;
#pragma unroll
  for (int i = 0; i < kSize; ++i) written.at[i] = from_float<T>(from[i]);
  *reinterpret_cast<Vector<T, kSize>*>(to) = written;
}

// True where rows of `elements`, `stride` elements apart, can be read in whole vectors.
template <typename T, int kSize = kFullVector<T>>
bool takes_vectors(const void* start, int64_t stride, int64_t elements) {
  return reinterpret_cast<uintptr_t>(start) % sizeof(Vector<T, kSize>) == 0 && stride % kSize == 0 &&
         elements % kSize == 0;
}

// The largest magnitudes of kCount elements of 16 bits from the kFrom-th on, of the even and of the odd ones, by halves;
// a NaN wins. For SM 8.0 and newer, which have an instruction for it.
template <typename Pair, int kFrom, int kCount, typename T, int kSize>
__device__ __forceinline__ Pair largest_pair(const Vector<T, kSize>& of) {
  if constexpr (kCount == 2) {
    return __habs2(Pair(of.at[kFrom], of.at[kFrom + 1]));
  } else {
    return __hmax2_nan(largest_pair<Pair, kFrom, kCount / 2>(of), largest_pair<Pair, kFrom + kCount / 2, kCount / 2>(of));
  }
}

// Calls `run` with a value of the element type: one place that says which dtypes these operators have.
template <typename Run>
Status with_float16_type(Dtype dtype, const Run& run) {
  switch (dtype) {
    case Dtype::kFloat16:
      return run(__half{});
    case Dtype::kBFloat16:
      return run(__nv_bfloat16{});
    default:
      return Status::refused("the element type is none of float16 and bfloat16");
  }
}

template <typename Run>
Status with_float_type(Dtype dtype, const Run& run) {
  return dtype == Dtype::kFloat32 ? run(float{}) : with_float16_type(dtype, run);
}

}  // namespace warpwright
