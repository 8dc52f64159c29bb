// Kernels on 4-bit weights: one thread for each word of eight weights.
#pragma once

#include "warpwright/quantization/int4.cuh"
#include "warpwright/quantization/int4.h"
#include "warpwright/quantization/marlin_tile.cuh"

namespace warpwright {

// AWQ keeps column 2 i of eight in nibble i, and column 2 i + 1 in nibble i + 4.
__host__ __device__ constexpr int awq_nibble(int column) { return column % 2 == 0 ? column / 2 : 4 + column / 2; }

__device__ __forceinline__ uint32_t nibble_of(int32_t word, int nibble) { return uint32_t(word) >> (4 * nibble) & 15u; }

template <typename T>
__device__ __forceinline__ T weight_of(uint32_t weight, uint32_t zero, T scale) {
  return T(float(int(weight) - int(zero)) * float(scale));
}

// A block works on part of one row of k, so that one division finds its group.
template <typename T>
__global__ void awq_dequantize_kernel(DequantizeProblem p) {
  const int64_t k = blockIdx.x, words = p.n / 8, group = k / unsigned(p.k / p.groups);
  const auto* group_scales = reinterpret_cast<const uint4*>(p.scales) + group * words;
  for (int64_t i = blockIdx.y * int64_t(blockDim.x) + threadIdx.x; i < words; i += int64_t(gridDim.y) * blockDim.x) {
    const int32_t weights = p.weights[k * words + i], zeros = p.zeros[group * words + i];
    alignas(16) T scales[8], out[8];
    *reinterpret_cast<uint4*>(scales) = group_scales[i];
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      out[c] = weight_of(nibble_of(weights, awq_nibble(c)), nibble_of(zeros, awq_nibble(c)), scales[c]);
    }
    reinterpret_cast<uint4*>(p.out)[k * words + i] = *reinterpret_cast<const uint4*>(out);
  }
}

constexpr int kDequantizeWarps = 8;  // of a block; each has a tile of 16 x 64 weights

// Turns the tile of a warp in shared memory, so that rows of 128 bytes are written whole.
template <typename T>
__global__ void __launch_bounds__(32 * kDequantizeWarps) gptq_marlin_dequantize_kernel(DequantizeProblem p) {
  __shared__ alignas(16) T tiles[kDequantizeWarps][16][72];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const unsigned row_tiles = unsigned(p.n / 64), tile_k = blockIdx.x;
  const unsigned tile_n = blockIdx.y * kDequantizeWarps + warp;
  if (tile_n >= row_tiles) return;
  const int64_t group = tile_k / (unsigned(p.k / 16) / unsigned(p.groups)), n0 = int64_t(tile_n) * 64;
  const auto* row = static_cast<const T*>(p.scales) + group * p.n;
  alignas(16) T scales[8];
  *reinterpret_cast<uint4*>(scales) =
      p.groups > 1 ? marlin::group_scales(row, n0, lane) : marlin::single_scales(row, n0, lane);
  uint32_t zeros = 0x88888888;
  if (p.zeros != nullptr) zeros = uint32_t(*marlin::lane_zeros(p.zeros + group * (p.n / 8), n0, lane));
  const auto* weights = reinterpret_cast<const uint4*>(p.weights) + (int64_t(tile_k) * row_tiles + tile_n) * 32;
  const uint4 four = weights[lane];
  const uint32_t words[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
  for (int i = 0; i < 32; ++i) {
    const marlin::Cell cell = marlin::cell_of(4 * lane + i / 8, i % 8, 64);
    const int column = int(cell.n / 8);
    const uint32_t weight = nibble_of(int32_t(words[i / 8]), i % 8);
    tiles[warp][cell.k][cell.n] = weight_of(weight, marlin::zero_of(zeros, column), scales[column]);
  }
  __syncwarp();
  T* out = static_cast<T*>(p.out) + int64_t(tile_k) * 16 * p.n + n0;
  for (int r = lane / 8; r < 16; r += 4) {
    reinterpret_cast<uint4*>(out + r * p.n)[lane % 8] = reinterpret_cast<const uint4*>(tiles[warp][r])[lane % 8];
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
