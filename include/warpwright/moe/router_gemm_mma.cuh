// Kernel of a router's product on tensor cores: a tile of tokens and experts, whose sum is dealt out to the warps of a
// block and, on SM 9.0, to the blocks of a cluster, so that more SMs read a part, and each element is read once a tile.
#pragma once

#include <cooperative_groups.h>

#include "warpwright/dependent_launch.cuh"
#include "warpwright/gemm/mma_16816.cuh"
#include "warpwright/moe/router_gemm.cuh"

namespace warpwright {

constexpr int kRouterStep = 32;  // elements of the sum that a warp takes at once: two products of 16, 8 elements a lane
constexpr int kRouterWarps = kRouterThreads / 32;

// A tile of kRows times 16 tokens and kColumns times 8 experts, and its parts.
template <int kRows, int kColumns>
struct RouterTile {
  static constexpr int kTokens = 16 * kRows, kExperts = 8 * kColumns, kSize = kTokens * kExperts;
  // Steps whose loads are on their way together: where registers hold them, all that a warp of a cluster has of a sum
  // of 7168 elements.
  static constexpr int kSteps = kRows * kColumns > 4 ? 4 : 7;
  static constexpr int kBlocksOfSm = kRows * kColumns > 1 ? 1 : 2;

  // Of all warps of a block, and of the block. What a lane has of a product is what the instruction gives it.
  struct Storage {
    float of_warps[kRouterWarps][kSize];
    float of_block[kSize];
  };
};

// A lane's 8 elements of a row from `column` on, zeros where there are none. Both factors have their elements in the
// same order, which need not be that of the instruction: a sum may be taken in any.
template <typename T>
__device__ __forceinline__ uint4 router_elements(const T* row, bool is_there, int64_t column, int64_t end) {
  return is_there && column < end ? *reinterpret_cast<const uint4*>(row + column) : uint4{};
}

// A warp's part of a tile: steps from `step` on, `distance` apart.
template <typename T, int kRows, int kColumns>
__device__ __forceinline__ void multiply_tile(const RouterGemmProblem& p, int64_t token, int64_t expert, int64_t step,
                                              int64_t distance, float (&sum)[kRows][kColumns][4]) {
  constexpr int kSteps = RouterTile<kRows, kColumns>::kSteps;
  const int lane = threadIdx.x % 32;
  const int64_t row = token + lane / 4, column = expert + lane / 4;
  const T* states = static_cast<const T*>(p.hidden_states) + row * p.token_stride;
  const T* weights = static_cast<const T*>(p.weights) + column * p.expert_stride;
  const int64_t steps = (p.hidden + kRouterStep - 1) / kRouterStep;
#pragma unroll 1
  for (; step < steps; step += distance * kSteps) {
    uint4 state[kSteps][2 * kRows], weight[kSteps][kColumns];
#pragma unroll
    for (int i = 0; i < kSteps; ++i) {
      const int64_t k = (step + i * distance) * kRouterStep + lane % 4 * 8;
#pragma unroll
      for (int c = 0; c < kColumns; ++c) {
        weight[i][c] = router_elements(weights + 8 * c * p.expert_stride, column + 8 * c < p.experts, k, p.hidden);
      }
#pragma unroll
      for (int r = 0; r < 2 * kRows; ++r) {
        state[i][r] = router_elements(states + 8 * r * p.token_stride, row + 8 * r < p.tokens, k, p.hidden);
      }
    }
#pragma unroll
    for (int i = 0; i < kSteps; ++i) {
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const uint4 &low = state[i][2 * r], &high = state[i][2 * r + 1];
#pragma unroll
        for (int c = 0; c < kColumns; ++c) {
          mma_16816<T>(sum[r][c], {low.x, high.x, low.y, high.y}, weight[i][c].x, weight[i][c].y);
          mma_16816<T>(sum[r][c], {low.z, high.z, low.w, high.w}, weight[i][c].z, weight[i][c].w);
        }
      }
    }
  }
}

// Puts a warp's sums where the others find them: of each product a lane has two elements of a row and of the one 8
// below.
template <int kRows, int kColumns>
__device__ __forceinline__ void put_tile(float* of_warp, const float (&sum)[kRows][kColumns][4]) {
  constexpr int kExperts = RouterTile<kRows, kColumns>::kExperts;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      float* to = of_warp + (16 * r + lane / 4) * kExperts + 8 * c + lane % 4 * 2;
      to[0] = sum[r][c][0];
      to[1] = sum[r][c][1];
      to[8 * kExperts] = sum[r][c][2];
      to[8 * kExperts + 1] = sum[r][c][3];
    }
  }
}

// The sum of a block's warps for one element of the tile, in their order.
template <int kSize>
__device__ __forceinline__ float sum_of_warps(const float (&of_warps)[kRouterWarps][kSize], int element) {
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < kRouterWarps; ++warp) sum += of_warps[warp][element];
  return sum;
}

template <int kExperts>
__device__ __forceinline__ void write_element(const RouterGemmProblem& p, int64_t token, int64_t expert, int element,
                                              float sum) {
  const int64_t to_token = token + element / kExperts, to_expert = expert + element % kExperts;
  if (to_token < p.tokens && to_expert < p.experts) write_logit(p, to_token, to_expert, sum);
}

// Adds up the blocks of a cluster, in their order; each writes a part of the tile. Without clusters a block has all of
// it.
template <int kCluster, int kRows, int kColumns>
__device__ __forceinline__ void write_tile(const RouterGemmProblem& p, int64_t token, int64_t expert, int rank,
                                           typename RouterTile<kRows, kColumns>::Storage& storage) {
  using Tile = RouterTile<kRows, kColumns>;
  for (int element = threadIdx.x; element < Tile::kSize; element += kRouterThreads) {
    const float sum = sum_of_warps(storage.of_warps, element);
    if constexpr (kCluster > 1) {
      storage.of_block[element] = sum;
    } else {
      write_element<Tile::kExperts>(p, token, expert, element, sum);
    }
  }
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  if constexpr (kCluster > 1) {
    constexpr int kPart = Tile::kSize / kCluster;
    const auto cluster = cooperative_groups::this_cluster();
    cluster.sync();
    for (int element = rank * kPart + threadIdx.x; element < (rank + 1) * kPart; element += kRouterThreads) {
      float sum = 0;
#pragma unroll
      for (int other = 0; other < kCluster; ++other) sum += cluster.map_shared_rank(storage.of_block, other)[element];
      write_element<Tile::kExperts>(p, token, expert, element, sum);
    }
    cluster.sync();  // no block may end, or begin the next tile, while another reads of it
  }
#endif
}

// The code of an SM: with clusters from 9.0 on, without them on 8.x, and none on older ones, which have no such kernel.
constexpr bool has_router_tiles(int arch, bool in_clusters) { return arch >= 800 && (arch >= 900) == in_clusters; }

template <typename T, int kCluster, int kRows, int kColumns>
__global__ void __launch_bounds__(kRouterThreads, (RouterTile<kRows, kColumns>::kBlocksOfSm))
    router_tile_kernel(RouterGemmProblem p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
#ifdef __CUDA_ARCH__
  if constexpr (has_router_tiles(__CUDA_ARCH__, kCluster > 1)) {
    using Tile = RouterTile<kRows, kColumns>;
    __shared__ typename Tile::Storage storage;
    const int warp = threadIdx.x / 32, rank = blockIdx.x % kCluster;
    const int64_t expert = int64_t{blockIdx.x / kCluster} * Tile::kExperts, turn = int64_t{gridDim.y} * Tile::kTokens;
#pragma unroll 1
    for (int64_t token = int64_t{blockIdx.y} * Tile::kTokens; token < p.tokens; token += turn) {
      float sum[kRows][kColumns][4] = {};
      multiply_tile<T>(p, token, expert, rank * kRouterWarps + warp, kCluster * kRouterWarps, sum);
      put_tile(storage.of_warps[warp], sum);
      __syncthreads();
      write_tile<kCluster, kRows, kColumns>(p, token, expert, rank, storage);
      __syncthreads();
    }
  }
#endif
}

}  // namespace warpwright
