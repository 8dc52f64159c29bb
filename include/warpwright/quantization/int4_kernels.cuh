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
constexpr uint16_t kNaN16 = 0x7fff;  // a NaN as fp16 and as bf16

// What a lane needs to know of its weights in a tile: for each of its rows, the scales and zero points of its eight
// columns. Without g_idx, the rows of a tile share one group, and one set serves them all.
template <typename T, bool kIndexed>
struct LaneGroups {
  static constexpr int kRows = kIndexed ? 4 : 1;  // 2 (lane % 4) and the next one, and the two that are eight on
  alignas(16) T scales[kRows][8];
  uint32_t zeros[kRows];

  __device__ __forceinline__ LaneGroups(const DequantizeProblem& p, unsigned tile_k, int64_t n0, int lane) {
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
      const int64_t group = kIndexed ? p.g_idx[16 * int64_t(tile_k) + 2 * (lane % 4) + row % 2 + row / 2 * 8]
                                     : tile_k / (unsigned(p.k / 16) / unsigned(p.groups));
      if (kIndexed && (group < 0 || group >= p.groups)) {
        no_group(row);
      } else {
        read(p, row, group, n0, lane);
      }
    }
  }

  __device__ __forceinline__ void read(const DequantizeProblem& p, int row, int64_t group, int64_t n0, int lane) {
    const auto* of_group = static_cast<const T*>(p.scales) + group * p.n;
    *reinterpret_cast<uint4*>(scales[row]) =
        p.groups > 1 ? marlin::group_scales(of_group, n0, lane) : marlin::single_scales(of_group, n0, lane);
    zeros[row] = p.zeros == nullptr ? 0x88888888u
                                    : uint32_t(*marlin::lane_zeros(p.zeros + group * (p.n / 8), n0, lane));
  }

  // Nothing is read for a group that is not there, and what depends on it shows.
  __device__ __forceinline__ void no_group(int row) {
    const uint32_t two = kNaN16 | uint32_t(kNaN16) << 16;
    *reinterpret_cast<uint4*>(scales[row]) = uint4{two, two, two, two};
    zeros[row] = 0;
  }
};

// Turns the tile of a warp in shared memory, so that rows of 128 bytes are written whole. A block works on part of one
// row of tiles; the grid's second dimension takes further turns.
template <typename T, bool kIndexed>
__global__ void __launch_bounds__(32 * kDequantizeWarps) gptq_marlin_dequantize_kernel(DequantizeProblem p) {
  __shared__ alignas(16) T tiles[kDequantizeWarps][16][72];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const unsigned row_tiles = unsigned(p.n / 64), tile_k = blockIdx.x;
  for (unsigned tile_n = blockIdx.y * kDequantizeWarps + warp; tile_n < row_tiles;
       tile_n += gridDim.y * kDequantizeWarps) {
    const int64_t n0 = int64_t(tile_n) * 64;
    const LaneGroups<T, kIndexed> groups(p, tile_k, n0, lane);
    const auto* weights = reinterpret_cast<const uint4*>(p.weights) + (int64_t(tile_k) * row_tiles + tile_n) * 32;
    const uint4 four = weights[lane];
    const uint32_t words[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int i = 0; i < 32; ++i) {
      const marlin::Cell cell = marlin::cell_of(4 * lane + i / 8, i % 8, 64);
      const int column = int(cell.n / 8), row = kIndexed ? int(cell.k % 2 + cell.k / 8 * 2) : 0;
      const uint32_t weight = nibble_of(int32_t(words[i / 8]), i % 8);
      tiles[warp][cell.k][cell.n] =
          weight_of(weight, marlin::zero_of(groups.zeros[row], column), groups.scales[row][column]);
    }
    __syncwarp();
    T* out = static_cast<T*>(p.out) + int64_t(tile_k) * 16 * p.n + n0;
    for (int r = lane / 8; r < 16; r += 4) {
      reinterpret_cast<uint4*>(out + r * p.n)[lane % 8] = reinterpret_cast<const uint4*>(tiles[warp][r])[lane % 8];
    }
    __syncwarp();  // the tile has been read
  }
}

// A block works on rows of a, and its threads walk along k. The elements are only moved: kNaN is one as they have it.
template <typename Bits, Bits kNaN>
__global__ void gptq_marlin_gather_columns_kernel(GatherColumnsProblem p) {
  for (int64_t m = blockIdx.x; m < p.m; m += gridDim.x) {
    const auto* a = static_cast<const Bits*>(p.a) + m * p.lda;
    auto* out = static_cast<Bits*>(p.out) + m * p.k;
    for (int64_t k = threadIdx.x; k < p.k; k += blockDim.x) {
      const int64_t from = p.perm == nullptr ? k : int64_t(p.perm[k]);
      out[k] = from >= 0 && from < p.k ? a[from] : kNaN;
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
      if (k < 0 || k >= p.k) {  // nothing is read there; the caller tells by the position
        atomicMin(p.outside, int(cell.k));
        continue;
      }
      word |= Order::weight(p, k, cell.n) << (4 * nibble);
    }
    p.out[i] = int32_t(word);
  }
}

}  // namespace warpwright
