// The weight-only product for few tokens: it takes as long as its weights take to arrive.
//
// A block has 64 columns and up to 64 tokens. Its eight warps split its rows of k, and each streams its operands through
// a ring of its own, a few steps ahead of the tensor cores: Marlin's order makes one 16-byte load of a lane the operands
// of eight mma. The warps' sums meet in shared memory, and the blocks that split k between them meet in a cluster (SM
// 9.0) or in a workspace that a second kernel adds up (SM 8.x).
#pragma once

#include <cooperative_groups.h>

#include "warpwright/gemm/marlin_ring.cuh"
#include "warpwright/gemm/mma_16816.cuh"

namespace warpwright {

enum class MarlinMeeting { kCluster, kWorkspace };

// Adds the products of one step to the sums.
template <typename T, int kTiles, bool kZeros>
__device__ __forceinline__ void marlin_multiply(float (&sum)[kTiles][8][4], const MarlinStep<kTiles>& step) {
  const uint32_t words[4] = {step.weights.x, step.weights.y, step.weights.z, step.weights.w};
  const uint32_t scales[4] = {step.scales.x, step.scales.y, step.scales.z, step.scales.w};
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int half = i % 2;
    const auto base = raised_zero<T>(kZeros ? marlin::zero_of(step.zeros, i) : 8u);
    const auto scale = as_pair<T>(__byte_perm(scales[i / 2], 0, half == 0 ? 0x1010 : 0x3232));
    const uint32_t word = words[i / 2] >> (8 * half);
    const uint32_t b0 = as_bits(__hmul2(__hsub2(raised<T>(word), base), scale));
    const uint32_t b1 = as_bits(__hmul2(__hsub2(raised<T>(word >> 4), base), scale));
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) mma_16816<T>(sum[tile][i], step.a[tile], b0, b1);
  }
}

// All steps of a warp. The operands of a step leave its stage before the stage is filled anew.
template <typename T, int kTiles, bool kZeros>
__device__ __forceinline__ void marlin_run(float (&sum)[kTiles][8][4], MarlinRing<T, kTiles, kZeros>& ring, int steps) {
  constexpr int kDepth = marlin_depth(kTiles);
#pragma unroll
  for (int d = 0; d < kDepth; ++d) ring.fetch(d);
  for (int done = 0; done < steps; done += kDepth) {
#pragma unroll
    for (int d = 0; d < kDepth; ++d) {
      if (done + d >= steps) break;
      await_copies<kDepth - 1>();
      __syncwarp();
      MarlinStep<kTiles> step;
      ring.read(step, d);
      __syncwarp();
      ring.fetch(d);
      marlin_multiply<T, kTiles, kZeros>(sum, step);
    }
  }
}

// Adds the warps' sums of 16 tokens up, in their order, in the first 1024 floats of shared memory.
__device__ __forceinline__ void marlin_add_warps(float* shared, const float (&sum)[8][4], int warp, int lane) {
  float* own = shared + warp * kMarlinTile;
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const int row = lane / 4, column = 8 * j + 2 * (lane % 4);
    *reinterpret_cast<float2*>(own + row * kMarlinColumns + column) = make_float2(sum[j][0], sum[j][1]);
    *reinterpret_cast<float2*>(own + (row + 8) * kMarlinColumns + column) = make_float2(sum[j][2], sum[j][3]);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < kMarlinTile; i += kMarlinThreads) {
    float total = 0;
#pragma unroll
    for (int w = 0; w < kMarlinWarps; ++w) total += shared[w * kMarlinTile + i];
    shared[i] = total;
  }
  __syncthreads();
}

template <typename T>
__device__ __forceinline__ void marlin_store(const MarlinGemmProblem& p, int64_t m, int64_t n, float total) {
  if (m < p.m) static_cast<T*>(p.out)[m * p.ldo + n] = T(total);
}

// Adds the blocks of a cluster up: each takes its share of the tile from all of them.
template <typename T>
__device__ __forceinline__ void marlin_add_cluster(const MarlinGemmProblem& p, float* shared, int64_t m0, int64_t n0) {
  namespace cg = cooperative_groups;
  cg::cluster_group cluster = cg::this_cluster();
  const int split = int(cluster.num_blocks()), rank = int(cluster.block_rank());
  cluster.sync();
  for (int i = rank * kMarlinThreads + threadIdx.x; i < kMarlinTile; i += split * kMarlinThreads) {
    float total = 0;
    for (int other = 0; other < split; ++other) total += cluster.map_shared_rank(shared, other)[i];
    marlin_store<T>(p, m0 + i / kMarlinColumns, n0 + i % kMarlinColumns, total);
  }
  cluster.sync();  // a block's shared memory is there until the last one has read it
}

template <typename T, int kTiles, bool kZeros, MarlinMeeting kMeeting>
__global__ void __launch_bounds__(kMarlinThreads, marlin_blocks_per_sm(kTiles))
    gptq_marlin_gemm_kernel(MarlinGemmProblem p, int steps, float* partial) {
  extern __shared__ __align__(16) uint8_t marlin_shared[];
  auto* shared = reinterpret_cast<float*>(marlin_shared);  // once the rings are empty
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const unsigned split = gridDim.x / unsigned(p.n / kMarlinColumns), part = blockIdx.x % split;
  const int64_t n0 = int64_t(blockIdx.x / split) * kMarlinColumns, m0 = int64_t(blockIdx.y) * 16 * kTiles;
  const int first = int(part * kMarlinWarps + warp) * steps, end = int(p.k / kMarlinRowsOfK);

  float sum[kTiles][8][4] = {};
  if (first < end) {
    const int own = first + steps < end ? steps : end - first;
    const uint8_t* ring = marlin_shared + warp * marlin_depth(kTiles) * marlin_stage_bytes(kTiles);
    MarlinRing<T, kTiles, kZeros> operands(p, m0, n0, first, own, lane, ring);
    marlin_run(sum, operands, own);
  }
  __syncthreads();

#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
    const int64_t row0 = m0 + 16 * tile;
    if (row0 >= p.m) break;
    marlin_add_warps(shared, sum[tile], warp, lane);
    if constexpr (kMeeting == MarlinMeeting::kCluster) {
      if (split > 1) {
        marlin_add_cluster<T>(p, shared, row0, n0);
        continue;
      }
    }
    for (int i = threadIdx.x; i < kMarlinTile; i += kMarlinThreads) {
      const int64_t m = row0 + i / kMarlinColumns, n = n0 + i % kMarlinColumns;
      if (partial == nullptr) {
        marlin_store<T>(p, m, n, shared[i]);
      } else if (m < p.m) {
        partial[(int64_t(part) * p.m + m) * p.n + n] = shared[i];
      }
    }
    __syncthreads();
  }
}

template <typename T>
__global__ void gptq_marlin_gemm_add_kernel(MarlinGemmProblem p, const float* partial, int split) {
  const int64_t count = p.m * p.n;
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    float total = 0;
    for (int part = 0; part < split; ++part) total += partial[part * count + i];
    marlin_store<T>(p, i / p.n, i % p.n, total);
  }
}

}  // namespace warpwright
