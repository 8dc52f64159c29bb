// Kernels of rmsnorm: one block for a row, sums in fp32, one rounding at the end.
#pragma once

#include "warpwright/elementwise/rmsnorm.h"
#include "warpwright/elementwise/vector.cuh"

namespace warpwright {

// The row stays in registers between the sum and the scaling: each thread holds kHeld vectors of it.
template <typename T, int kHeld>
__global__ void __launch_bounds__(1024) rmsnorm_held_kernel(RmsNormProblem problem) {
  constexpr int kSize = kFullVector<T>;
  using Chunk = Vector<T, kSize>;
  const int64_t chunks = problem.hidden / kSize;
  for (int64_t row = blockIdx.x; row < problem.rows; row += gridDim.x) {
    const auto* input = reinterpret_cast<const Chunk*>(static_cast<const T*>(problem.input) + row * problem.input_stride);
    auto* out = reinterpret_cast<Chunk*>(static_cast<T*>(problem.out) + row * problem.out_stride);
    const auto* weight = static_cast<const Chunk*>(problem.weight);
    Chunk held[kHeld];
    float sum = 0.f;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int64_t chunk = threadIdx.x + int64_t{i} * blockDim.x;
      if (chunk >= chunks) break;
      held[i] = input[chunk];
#pragma unroll
      for (int j = 0; j < kSize; ++j) {
        const float x = to_float(held[i].at[j]);
        sum += x * x;
      }
    }
    const float scale = rsqrtf(block_sum(sum) / static_cast<float>(problem.hidden) + problem.eps);
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int64_t chunk = threadIdx.x + int64_t{i} * blockDim.x;
      if (chunk >= chunks) break;
      const Chunk scaled_by = weight[chunk];
      Chunk result;
#pragma unroll
      for (int j = 0; j < kSize; ++j) {
        result.at[j] = from_float<T>(to_float(held[i].at[j]) * scale * to_float(scaled_by.at[j]));
      }
      out[chunk] = result;
    }
    __syncthreads();  // the next row's sum reuses the block's shared memory
  }
}

// Any row: read twice, one element at a time. For sizes and addresses that no vector fits, and rows past the registers.
template <typename T>
__global__ void __launch_bounds__(1024) rmsnorm_any_kernel(RmsNormProblem problem) {
  for (int64_t row = blockIdx.x; row < problem.rows; row += gridDim.x) {
    const T* input = static_cast<const T*>(problem.input) + row * problem.input_stride;
    T* out = static_cast<T*>(problem.out) + row * problem.out_stride;
    const T* weight = static_cast<const T*>(problem.weight);
    float sum = 0.f;
    for (int64_t i = threadIdx.x; i < problem.hidden; i += blockDim.x) {
      const float x = to_float(input[i]);
      sum += x * x;
    }
    const float scale = rsqrtf(block_sum(sum) / static_cast<float>(problem.hidden) + problem.eps);
    for (int64_t i = threadIdx.x; i < problem.hidden; i += blockDim.x) {
      out[i] = from_float<T>(to_float(input[i]) * scale * to_float(weight[i]));
    }
    __syncthreads();
  }
}

}  // namespace warpwright
