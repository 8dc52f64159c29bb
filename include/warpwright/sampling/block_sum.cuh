// Sums over a block of kRowThreads threads, in an order that is always the same.
#pragma once

#include <cstdint>

#include "warpwright/sampling/row_scores.cuh"

namespace warpwright {

constexpr int kRowWarps = kRowThreads / 32;

template <typename Number>
__device__ __forceinline__ Number sum_up_to_lane(Number value) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int offset = 1; offset < 32; offset *= 2) {
    const Number before = __shfl_up_sync(0xffffffffu, value, offset);
    if (lane >= offset) value += before;
  }
  return value;
}

// What the threads up to this one have, and all of them.
template <typename Number>
struct Prefix {
  Number up_to, total;
};

// Every thread of the block takes part; `places` are kRowWarps numbers in shared memory.
template <typename Number>
__device__ Prefix<Number> prefix_sum(Number value, Number* places) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const Number in_warp = sum_up_to_lane(value);
  __syncthreads();  // whoever used the places before is done
  if (lane == 31) places[warp] = in_warp;
  __syncthreads();
  const Number warps = sum_up_to_lane(places[lane]);
  const Number before = __shfl_sync(0xffffffffu, warps, warp == 0 ? 0 : warp - 1);
  return {warp == 0 ? in_warp : before + in_warp, __shfl_sync(0xffffffffu, warps, 31)};
}

template <typename Number>
__device__ Number block_sum(Number value, Number* places) {
  return prefix_sum(value, places).total;
}

// The largest of all; NaN count for nothing.
__device__ inline float block_max(float value, float* places) {
  for (int offset = 16; offset > 0; offset /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  __syncthreads();
  if (threadIdx.x % 32 == 0) places[threadIdx.x / 32] = value;
  __syncthreads();
  value = places[threadIdx.x % 32];
  for (int offset = 16; offset > 0; offset /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  return value;
}

}  // namespace warpwright
