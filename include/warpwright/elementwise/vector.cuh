// Rows of 16-bit floats, read and written in vectors of 16 bytes, computed in fp32.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

template <typename T, int kSize>
struct alignas(sizeof(T) * kSize) Vector {
  T at[kSize];
};

template <typename T>
constexpr int kFullVector = 16 / sizeof(T);

__device__ inline float to_float(__half x) { return __half2float(x); }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

template <typename T>
__device__ T from_float(float x);
template <>
__device__ inline __half from_float<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

// The sum over the block of one value from each thread, known to every thread. Called once in a kernel.
__device__ inline float block_sum(float value) {
  __shared__ float of_warp[32];
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = (blockDim.x + 31) / 32;
  if (lane == 0) of_warp[warp] = value;
  __syncthreads();
  value = lane < warps ? of_warp[lane] : 0.f;
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

// True where rows of `elements`, `stride` elements apart, can be read in whole vectors.
template <typename T>
bool takes_vectors(const void* start, int64_t stride, int64_t elements) {
  constexpr int64_t size = kFullVector<T>;
  return reinterpret_cast<uintptr_t>(start) % 16 == 0 && stride % size == 0 && elements % size == 0;
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

}  // namespace warpwright
