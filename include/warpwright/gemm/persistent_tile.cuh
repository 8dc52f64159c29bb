// What the kernels for many tokens share: the tile, the order of tiles, the fetching of operands, and the store.
//
// One CTA per SM works through tiles of 128 tokens by kWidth weights. One warp fetches; two warpgroups multiply 64
// tokens each, as wide as wgmma goes, so an operand byte read from shared memory serves as many products as it can. A
// cluster of two CTAs shares one operand: each fetches half of it for both. The warpgroups never wait for each other:
// while one scales and stores its part of a tile, the tensor cores work for the other.
#pragma once

#include <cuda.h>

#include <algorithm>
#include <cstdint>

#include "cute/arch/cluster_sm90.hpp"
#include "cute/arch/copy_sm90.hpp"
#include "cute/arch/copy_sm90_desc.hpp"
#include "cute/arch/copy_sm90_tma.hpp"
#include "cutlass/arch/barrier.h"
#include "cutlass/arch/reg_reconfig.h"
#include "warpwright/gemm/wgmma.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::persistent {

// What a cluster's two CTAs have in common: each fetches one half of it for both.
enum class Shared { kWeights, kTokens };

template <typename Element_, typename Out_, int kWidth_, int kStages_, Shared kShared_ = Shared::kWeights>
struct Tile {
  using Element = Element_;
  using Out = Out_;
  using Sum = Accumulator<Element>;
  static constexpr int kTokens = 128, kWidth = kWidth_, kStages = kStages_;
  static_assert(kStages >= 2, "a stage is given back once the products of the next one have been started");
  static constexpr Shared kShared = kShared_;
  static constexpr int kCluster = 2;
  static constexpr int kRows = kShared == Shared::kWeights ? kCluster : 1;  // of tiles, in a cluster
  static constexpr int kColumns = kCluster / kRows;
  static constexpr int kTokensFetched = kShared == Shared::kTokens ? kTokens / kCluster : kTokens;  // at once
  static constexpr int kWeightsFetched = kShared == Shared::kWeights ? kWidth / kCluster : kWidth;
  static constexpr int kConsumers = 256, kThreads = kConsumers + 128;
  static constexpr int kSums = kWidth / 2;  // of one thread
  static constexpr int kTokenBytes = kTokens * kSwizzleBytes, kWeightBytes = kWidth * kSwizzleBytes;
  static constexpr int kStageBytes = kTokenBytes + kWeightBytes;
  static constexpr int kBlock = 64;                     // output columns that leave together: 128 bytes
  static constexpr int kBlockBytes = 64 * kBlock * 2;   // of one warpgroup
  static constexpr int kBlocks = kWidth / kBlock;
  static_assert(kBlocks * kBlock == kWidth);
  static constexpr int kOutBytes = 2 * 2 * kBlockBytes;  // two warpgroups, two blocks each
  static constexpr int kArrivals = kCluster * kConsumers / 32;  // that free a stage
};

struct TileGrid {
  int k_steps = 0;
  int rows = 0, columns = 0;  // of clusters' tiles: along the tokens, along the weights
  int panel = 1;              // rows that are worked on together, so that what they read stays in L2
};

template <typename Tile>
TileGrid grid_of(int64_t m, int64_t n, int64_t k, int panel) {
  const auto ceil_div = [](int64_t a, int64_t b) { return int((a + b - 1) / b); };
  return {ceil_div(k, kSwizzleBytes), ceil_div(m, Tile::kRows * Tile::kTokens),
          ceil_div(n, Tile::kColumns * Tile::kWidth), panel};
}

struct Position {
  int m, n;  // first token, first weight
};

template <typename Tile>
__device__ __forceinline__ Position position_of(const TileGrid& grid, int tile) {
  const int first = tile / (grid.panel * grid.columns) * grid.panel;
  const int rows = min(grid.panel, grid.rows - first);
  const int within = tile - first * grid.columns;
  const int row = first + within % rows, column = within / rows, rank = blockIdx.x % Tile::kCluster;
  return {(row * Tile::kRows + rank % Tile::kRows) * Tile::kTokens,
          (column * Tile::kColumns + rank % Tile::kColumns) * Tile::kWidth};
}

// Calls work(position) for each tile of this CTA.
template <typename Tile, typename Work>
__device__ __forceinline__ void for_each_tile(const TileGrid& grid, Work work) {
  const int clusters = gridDim.x / Tile::kCluster;
  for (int tile = blockIdx.x / Tile::kCluster; tile < grid.rows * grid.columns; tile += clusters) {
    work(position_of<Tile>(grid, tile));
  }
}

// kRows of 128 bytes of k; with kHalf, for both CTAs of the cluster, and the other one sends the other half.
template <bool kHalf, int kRows>
__device__ __forceinline__ void fetch_rows(const CUtensorMap& map, uint64_t* full, uint8_t* to, int k, int row) {
  constexpr uint64_t kHint = uint64_t(cute::TMA::CacheHintSm90::EVICT_NORMAL);
  if constexpr (kHalf) {
    const int first = int(blockIdx.x % 2) * kRows;
    cute::SM90_TMA_LOAD_MULTICAST_2D::copy(&map, full, 0b11, kHint, to + first * kSwizzleBytes, k, row + first);
  } else {
    cute::SM90_TMA_LOAD_2D::copy(&map, full, kHint, to, k, row);
  }
}

// One step of k of both operands into a stage.
template <typename Tile>
__device__ __forceinline__ void fetch(const CUtensorMap& tokens, const CUtensorMap& weights, uint64_t* full, uint8_t* to,
                                      int step, Position at) {
  constexpr bool kTokensShared = Tile::kShared == Shared::kTokens;
  cutlass::arch::ClusterTransactionBarrier::arrive_and_expect_tx(full, Tile::kStageBytes);
  fetch_rows<kTokensShared, Tile::kTokensFetched>(tokens, full, to, step * kSwizzleBytes, at.m);
  fetch_rows<!kTokensShared, Tile::kWeightsFetched>(weights, full, to + Tile::kTokenBytes, step * kSwizzleBytes, at.n);
}

// A stage was filled by both CTAs of the cluster, so both are told that it is free.
template <typename Tile>
__device__ __forceinline__ void release(uint64_t* empty) {
  const int lane = threadIdx.x % 32;
  if (lane < Tile::kCluster) cutlass::arch::ClusterBarrier::arrive(empty, lane, 1);
}

template <typename Tile>
__device__ __forceinline__ void initialize(uint64_t* full, uint64_t* empty, int arrivals) {
  for (int i = 0; i < Tile::kStages; ++i) {
    cutlass::arch::ClusterBarrier::init(&full[i], arrivals);
    cutlass::arch::ClusterBarrier::init(&empty[i], Tile::kArrivals);
  }
  cutlass::arch::fence_barrier_init();
}

template <typename Out>
__device__ __forceinline__ uint32_t pack(float low, float high) {
  return uint32_t(Out(low).storage) | uint32_t(Out(high).storage) << 16;
}

// A warpgroup's 64 tokens by 64 weights into shared memory in TMA's swizzle. pack_group(group, packed) gives a thread's
// outputs of eight weights: two of one token, and two of the token eight rows below.
template <typename Tile, typename PackGroup>
__device__ __forceinline__ void store_block(int block, uint8_t* to, PackGroup pack_group) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  const int row = warp * 16 + lane % 16;
  uint8_t* to_row = to + row * 128;
#pragma unroll
  for (int j = 0; j < Tile::kBlock / 8; j += 2) {  // 16 weights: four 8x8 matrices of one stmatrix
    uint32_t packed[4];
#pragma unroll
    for (int i = 0; i < 2; ++i) pack_group(block * (Tile::kBlock / 8) + j + i, &packed[2 * i]);
    const int chunk = (j + lane / 16) ^ (row % 8);
    cute::SM90_U32x4_STSM_N::copy(packed[0], packed[1], packed[2], packed[3],
                                  *reinterpret_cast<cute::uint128_t*>(to_row + chunk * 16));
  }
}

// A warpgroup's two buffers for blocks on their way out, which its tiles use in turns. Where a tile has an odd number of
// blocks, the next one begins with the other buffer: what its first block would overwrite may still be read.
template <typename Tile>
struct StoreBuffers {
  uint8_t* buffers;
  int first = 0;  // of the next tile's blocks

  __device__ __forceinline__ explicit StoreBuffers(uint8_t* out)
      : buffers(out + threadIdx.x / 128 * 2 * Tile::kBlockBytes) {}

  __device__ __forceinline__ uint8_t* of_block(int block) const {
    return buffers + (Tile::kBlocks % 2 == 0 ? block % 2 : (block + first) % 2) * Tile::kBlockBytes;
  }
  __device__ __forceinline__ void end_tile() { first ^= Tile::kBlocks % 2; }
};

// Each warpgroup writes its part of the tile, block by block through two buffers. One of its threads starts the stores.
template <typename Tile, typename PackGroup>
__device__ __forceinline__ void store(StoreBuffers<Tile>& buffers, const CUtensorMap& out_map, Position at,
                                      PackGroup pack_group) {
  const int warpgroup = threadIdx.x / 128;
  const bool leads = threadIdx.x % 128 == 0;
#pragma unroll
  for (int block = 0; block < Tile::kBlocks; ++block) {
    uint8_t* buffer = buffers.of_block(block);
    if (leads) cute::tma_store_wait<1>();  // all stores but the last have been read, and the last has the other buffer
    cutlass::arch::NamedBarrier::sync(128, 1 + warpgroup);
    store_block<Tile>(block, buffer, pack_group);
    cute::tma_store_fence();
    cutlass::arch::NamedBarrier::sync(128, 1 + warpgroup);
    if (leads) {
      cute::SM90_TMA_STORE_2D::copy(&out_map, buffer, at.n + block * Tile::kBlock, at.m + warpgroup * 64);
      cute::tma_store_arrive();
    }
  }
  buffers.end_tile();
}

// The CTAs of a launch: one for each SM, or fewer where there are fewer tiles.
template <typename Tile>
Grid ctas_of(const TileGrid& grid, int sm_count) {
  return {std::min<int64_t>(int64_t(grid.rows) * grid.columns, sm_count / Tile::kCluster) * Tile::kCluster};
}

}  // namespace warpwright::persistent
