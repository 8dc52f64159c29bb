// Kernel of a router's product on tensor cores: a tile of 16 tokens and 8 experts, whose sum is dealt out to the warps of
// a block and, on SM 9.0, to the blocks of a cluster, so that every SM reads a part and each element is read once a tile.
#pragma once

#include <cooperative_groups.h>

#include "warpwright/dependent_launch.cuh"
#include "warpwright/gemm/mma_16816.cuh"
#include "warpwright/moe/router_gemm.cuh"

namespace warpwright {

constexpr int kRouterStep = 32;  // elements of the sum that a warp takes at once: two products of 16, 8 elements a lane
constexpr int kRouterSteps = 4;  // of which the loads are on their way together
constexpr int kRouterTile = kRouterTileTokens * kRouterTileExperts;

// A lane's 8 elements of a row from `column` on, zeros where there are none. Both factors have their elements in the same
// order, which need not be that of the instruction: a sum may be taken in any.
template <typename T>
__device__ __forceinline__ uint4 router_elements(const T* row, bool is_there, int64_t column, int64_t end) {
  return is_there && column < end ? *reinterpret_cast<const uint4*>(row + column) : uint4{};
}

// A warp's part of a tile: steps from `step` on, `distance` apart.
template <typename T>
__device__ __forceinline__ void multiply_tile(const RouterGemmProblem& p, int64_t token, int64_t expert, int64_t step,
                                              int64_t distance, float (&sum)[4]) {
  const int lane = threadIdx.x % 32, row = lane / 4;
  const T* states = static_cast<const T*>(p.hidden_states) + (token + row) * p.token_stride;
  const T* weights = static_cast<const T*>(p.weights) + (expert + row) * p.expert_stride;
  const bool has_low = token + row < p.tokens, has_high = token + row + 8 < p.tokens, has_expert = expert + row < p.experts;
  const int64_t steps = (p.hidden + kRouterStep - 1) / kRouterStep;
#pragma unroll 1
  for (; step < steps; step += distance * kRouterSteps) {
    uint4 low[kRouterSteps], high[kRouterSteps], weight[kRouterSteps];
#pragma unroll
    for (int i = 0; i < kRouterSteps; ++i) {
      const int64_t column = (step + i * distance) * kRouterStep + lane % 4 * 8;
      weight[i] = router_elements(weights, has_expert, column, p.hidden);
      low[i] = router_elements(states, has_low, column, p.hidden);
      high[i] = router_elements(states + 8 * p.token_stride, has_high, column, p.hidden);
    }
#pragma unroll
    for (int i = 0; i < kRouterSteps; ++i) {
      mma_16816<T>(sum, {low[i].x, high[i].x, low[i].y, high[i].y}, weight[i].x, weight[i].y);
      mma_16816<T>(sum, {low[i].z, high[i].z, low[i].w, high[i].w}, weight[i].z, weight[i].w);
    }
  }
}

// The sum of a block's warps for one element of the tile, in their order.
__device__ __forceinline__ float sum_of_warps(const float (&of_warps)[kRouterThreads / 32][kRouterTile], int element) {
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < kRouterThreads / 32; ++warp) sum += of_warps[warp][element];
  return sum;
}

// The sum of a cluster's blocks, which the first one writes, in their order. Without clusters a block has all of it.
template <int kCluster>
__device__ __forceinline__ void write_tile(const RouterGemmProblem& p, int64_t token, int64_t expert, int rank,
                                           const float (&of_warps)[kRouterThreads / 32][kRouterTile],
                                           float (&of_block)[kRouterTile]) {
  const int element = threadIdx.x;
  float sum = element < kRouterTile ? sum_of_warps(of_warps, element) : 0.0f;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  if constexpr (kCluster > 1) {
    const auto cluster = cooperative_groups::this_cluster();
    if (element < kRouterTile) of_block[element] = sum;
    cluster.sync();
    if (rank == 0 && element < kRouterTile) {
#pragma unroll
      for (int other = 1; other < kCluster; ++other) sum += cluster.map_shared_rank(of_block, other)[element];
    }
    cluster.sync();
  }
#endif
  const int64_t to_token = token + element / kRouterTileExperts, to_expert = expert + element % kRouterTileExperts;
  if (rank == 0 && element < kRouterTile && to_token < p.tokens && to_expert < p.experts) {
    write_logit(p, to_token, to_expert, sum);
  }
}

template <typename T, int kCluster>
__global__ void __launch_bounds__(kRouterThreads, 2) router_tile_kernel(RouterGemmProblem p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  constexpr int kWarps = kRouterThreads / 32;
  __shared__ float of_warps[kWarps][kRouterTile];
  __shared__ float of_block[kRouterTile];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, rank = blockIdx.x % kCluster;
  const int64_t expert = int64_t{blockIdx.x / kCluster} * kRouterTileExperts, turn = int64_t{gridDim.y} * kRouterTileTokens;
#pragma unroll 1
  for (int64_t token = int64_t{blockIdx.y} * kRouterTileTokens; token < p.tokens; token += turn) {
    float sum[4] = {};
    multiply_tile<T>(p, token, expert, rank * kWarps + warp, kCluster * kWarps, sum);
    const int element = lane / 4 * kRouterTileExperts + lane % 4 * 2;
    of_warps[warp][element] = sum[0];
    of_warps[warp][element + 1] = sum[1];
    of_warps[warp][element + 8 * kRouterTileExperts] = sum[2];
    of_warps[warp][element + 8 * kRouterTileExperts + 1] = sum[3];
    __syncthreads();
    write_tile<kCluster>(p, token, expert, rank, of_warps, of_block);
    __syncthreads();
  }
#endif
}

}  // namespace warpwright
