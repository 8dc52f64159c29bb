// Kernels on 4-bit weights: one thread for each word of eight weights.
#pragma once

#include "warpwright/quantization/int4.cuh"
#include "warpwright/quantization/int4.h"
#include "warpwright/quantization/marlin_layout.h"

namespace warpwright {

// AWQ keeps column 2 i of eight in nibble i, and column 2 i + 1 in nibble i + 4.
__host__ __device__ constexpr int awq_nibble(int column) { return column % 2 == 0 ? column / 2 : 4 + column / 2; }

__device__ __forceinline__ uint32_t nibble_of(int32_t word, int nibble) { return uint32_t(word) >> (4 * nibble) & 15u; }

template <typename T>
__device__ __forceinline__ T weight_of(uint32_t weight, uint32_t zero, T scale) {
  return T(float(int(weight) - int(zero)) * float(scale));
}

template <typename T>
__global__ void awq_dequantize_kernel(DequantizeProblem p) {
  const int64_t words = p.k * (p.n / 8);
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < words; i += int64_t(gridDim.x) * blockDim.x) {
    const int64_t k = i / (p.n / 8), column = i % (p.n / 8), group = k / (p.k / p.groups);
    const int32_t weights = p.weights[i], zeros = p.zeros[group * (p.n / 8) + column];
    alignas(16) T scales[8], out[8];
    *reinterpret_cast<uint4*>(scales) = reinterpret_cast<const uint4*>(p.scales)[group * (p.n / 8) + column];
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      out[c] = weight_of(nibble_of(weights, awq_nibble(c)), nibble_of(zeros, awq_nibble(c)), scales[c]);
    }
    reinterpret_cast<uint4*>(p.out)[i] = *reinterpret_cast<const uint4*>(out);
  }
}

template <typename T>
__global__ void gptq_marlin_dequantize_kernel(DequantizeProblem p) {
  const int64_t words = p.k * (p.n / 8);
  const auto* scales = static_cast<const T*>(p.scales);
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < words; i += int64_t(gridDim.x) * blockDim.x) {
    const int32_t weights = p.weights[i];
#pragma unroll
    for (int nibble = 0; nibble < 8; ++nibble) {
      const marlin::Cell cell = marlin::cell_of(i, nibble, p.n);
      const int64_t group = cell.k / (p.k / p.groups);
      const int64_t scale = p.groups > 1 ? marlin::grouped_scale(cell.n) : marlin::single_scale(cell.n);
      uint32_t zero = 8;
      if (p.zeros != nullptr) {
        zero = uint32_t(p.zeros[group * (p.n / 8) + marlin::zero_word(cell.n)]) >> marlin::zero_bit(cell.n) & 15u;
      }
      static_cast<T*>(p.out)[cell.k * p.n + cell.n] =
          weight_of(nibble_of(weights, nibble), zero, scales[group * p.n + scale]);
    }
  }
}

struct GptqOrder {
  static __device__ uint32_t weight(const RepackProblem& p, int64_t k, int64_t n) {
    return nibble_of(p.weights[k / 8 * p.n + n], int(k % 8));
  }
};

struct AwqOrder {
  static __device__ uint32_t weight(const RepackProblem& p, int64_t k, int64_t n) {
    return nibble_of(p.weights[k * (p.n / 8) + n / 8], awq_nibble(int(n % 8)));
  }
};

template <typename Order>
__global__ void marlin_repack_kernel(RepackProblem p) {
  const int64_t words = p.k * (p.n / 8);
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < words; i += int64_t(gridDim.x) * blockDim.x) {
    uint32_t word = 0;
#pragma unroll
    for (int nibble = 0; nibble < 8; ++nibble) {
      const marlin::Cell cell = marlin::cell_of(i, nibble, p.n);
      const int64_t k = p.perm == nullptr ? cell.k : int64_t(p.perm[cell.k]);
      word |= Order::weight(p, k, cell.n) << (4 * nibble);
    }
    p.out[i] = int32_t(word);
  }
}

}  // namespace warpwright
