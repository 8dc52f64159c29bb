// What the cooperative kernels share: the tile, shared memory, the tile scheduler, and the producer. They are for many
// rows of a, where the tensor cores set the time.
//
// Persistent: one CTA per SM works through tiles of 128 rows by BLOCK_N columns of out. Cooperative: one warp fetches,
// and two math warpgroups multiply 64 rows of the tile each, as wide as wgmma goes, so an operand byte read from shared
// memory serves as many products as it can. A cluster of two CTAs shares one operand: each fetches half of it and
// multicasts it to both. The warpgroups never wait for each other: while one scales and stores its part of a tile, the
// tensor cores work for the other.
#pragma once

#include <cuda.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cute/arch/cluster_sm90.hpp"
#include "cute/arch/copy_sm90_desc.hpp"
#include "cute/arch/copy_sm90_tma.hpp"
#include "cutlass/arch/barrier.h"
#include "cutlass/arch/reg_reconfig.h"
#include "warpwright/gemm/wgmma.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::cooperative {

template <typename Element_, typename Out_, int kBlockM_, int kBlockN_, int kBlockK_, int kStages_, int kClusterM_,
          int kClusterN_>
struct Tile {
  using Element = Element_;
  using Out = Out_;
  using Accum = Accumulator<Element>;
  static constexpr int kBlockM = kBlockM_, kBlockN = kBlockN_, kBlockK = kBlockK_, kStages = kStages_;
  static_assert(kBlockM == 2 * 64 && kBlockK == kSwizzleBytes);
  static_assert(kStages >= 2, "a stage is released once the products of the next one have been started");
  static constexpr int kClusterM = kClusterM_, kClusterN = kClusterN_, kClusterSize = kClusterM * kClusterN;
  static_assert(kClusterSize == 2);
  static constexpr bool kMulticastA = kClusterN > 1, kMulticastB = kClusterM > 1;
  static constexpr int kLoadBlockM = kBlockM / kClusterN, kLoadBlockN = kBlockN / kClusterM;  // rows of one TMA box
  static constexpr int kMathThreads = 256, kThreads = kMathThreads + 128;
  static constexpr int kEmptyArrivals = kClusterSize * kMathThreads / 32;
  static constexpr int kAccums = kBlockN / 2;                  // of one thread
  static constexpr int kStoreBlockM = 64, kStoreBlockN = 64;   // of one TMA store; 64 columns are 128 bytes
  static constexpr int kStoreBlocks = kBlockN / kStoreBlockN;  // of one warpgroup
  static_assert(kStoreBlocks * kStoreBlockN == kBlockN);

  struct Stage {
    SwizzledRows<kBlockM> a;
    SwizzledRows<kBlockN> b;
  };
  static constexpr int kStageBytes = sizeof(Stage), kOffsetOfB = offsetof(Stage, b);

  using StoreBlock = SwizzledRows<kStoreBlockM>;
  static constexpr int kStoreBlockBytes = sizeof(StoreBlock);
};

// Shared memory of a CTA. The epilogue has two store blocks for each math warpgroup, which it uses in turns. Pipeline
// has the barriers, and what else comes with the stages.
template <typename Tile, template <typename> typename Pipeline>
struct SharedStorage {
  typename Tile::Stage stages[Tile::kStages];
  typename Tile::StoreBlock out[Tile::kMathThreads / 128][2];
  Pipeline<Tile> pipeline;

  static constexpr int bytes() { return kSwizzleAlignment + int(sizeof(SharedStorage)); }
};

// The tiles of clusters, in raster order along N, swizzle_size rows of them at once, so that what they read stays in
// L2.
struct TileScheduler {
  int k_blocks = 0;
  int tiles_m = 0, tiles_n = 0;
  int swizzle_size = 1;
};

template <typename Tile>
TileScheduler make_scheduler(int64_t m, int64_t n, int64_t k, int swizzle_size) {
  const auto ceil_div = [](int64_t a, int64_t b) { return int((a + b - 1) / b); };
  return {ceil_div(k, Tile::kBlockK), ceil_div(m, Tile::kClusterM * Tile::kBlockM),
          ceil_div(n, Tile::kClusterN * Tile::kBlockN), swizzle_size};
}

struct TileCoord {
  int m, n;  // first row, first column
};

template <typename Tile>
__device__ __forceinline__ TileCoord coord_of(const TileScheduler& scheduler, int tile) {
  const int first = tile / (scheduler.swizzle_size * scheduler.tiles_n) * scheduler.swizzle_size;
  const int rows = min(scheduler.swizzle_size, scheduler.tiles_m - first);
  const int within = tile - first * scheduler.tiles_n;
  const int tile_m = first + within % rows, tile_n = within / rows, rank = blockIdx.x % Tile::kClusterSize;
  return {(tile_m * Tile::kClusterM + rank % Tile::kClusterM) * Tile::kBlockM,
          (tile_n * Tile::kClusterN + rank % Tile::kClusterN) * Tile::kBlockN};
}

// Calls work(coord) for each tile of this CTA.
template <typename Tile, typename Work>
__device__ __forceinline__ void for_each_tile(const TileScheduler& scheduler, Work work) {
  const int clusters = gridDim.x / Tile::kClusterSize;
  for (int tile = blockIdx.x / Tile::kClusterSize; tile < scheduler.tiles_m * scheduler.tiles_n; tile += clusters) {
    work(coord_of<Tile>(scheduler, tile));
  }
}

// The CTAs of a launch: one for each SM, or fewer where there are fewer tiles.
template <typename Tile>
Grid grid_of(const TileScheduler& scheduler, int sm_count) {
  const int64_t clusters = int64_t(scheduler.tiles_m) * scheduler.tiles_n;
  return {std::min<int64_t>(clusters, sm_count / Tile::kClusterSize) * Tile::kClusterSize};
}

// One TMA box of kLoadRows of an operand. With kMulticast, both CTAs of the cluster get it, and the other one sends the
// other half.
template <bool kMulticast, int kLoadRows>
__device__ __forceinline__ void load(const CUtensorMap& map, uint64_t* full, uint8_t* to, int k, int row) {
  constexpr uint64_t kHint = uint64_t(cute::TMA::CacheHintSm90::EVICT_NORMAL);
  if constexpr (kMulticast) {
    const int first = int(blockIdx.x % 2) * kLoadRows;
    cute::SM90_TMA_LOAD_MULTICAST_2D::copy(&map, full, 0b11, kHint, to + first * kSwizzleBytes, k, row + first);
  } else {
    cute::SM90_TMA_LOAD_2D::copy(&map, full, kHint, to, k, row);
  }
}

// One block of k of both operands into a stage.
template <typename Tile>
__device__ __forceinline__ void load_stage(const CUtensorMap& map_a, const CUtensorMap& map_b, uint64_t* full,
                                           uint8_t* to, int k_block, TileCoord at) {
  cutlass::arch::ClusterTransactionBarrier::arrive_and_expect_tx(full, Tile::kStageBytes);
  load<Tile::kMulticastA, Tile::kLoadBlockM>(map_a, full, to, k_block * Tile::kBlockK, at.m);
  load<Tile::kMulticastB, Tile::kLoadBlockN>(map_b, full, to + Tile::kOffsetOfB, k_block * Tile::kBlockK, at.n);
}

// The one thread that fetches both operands of all tiles.
template <typename Tile, typename Pipeline>
__device__ __forceinline__ void produce(const CUtensorMap& map_a, const CUtensorMap& map_b, Pipeline& pipeline,
                                        uint8_t* stages, const TileScheduler& scheduler) {
  PipelineState state;
  for_each_tile<Tile>(scheduler, [&](TileCoord at) {
    for (int k_block = 0; k_block < scheduler.k_blocks; ++k_block) {
      cutlass::arch::ClusterBarrier::wait(&pipeline.empty_barrier[state.stage], state.phase ^ 1);
      load_stage<Tile>(map_a, map_b, &pipeline.full_barrier[state.stage], stages + state.stage * Tile::kStageBytes,
                       k_block, at);
      state.advance(Tile::kStages);
    }
  });
}

// A stage was filled by both CTAs of the cluster, so both are told that it is empty.
template <typename Tile>
__device__ __forceinline__ void release(uint64_t* empty_barrier) {
  const int lane = threadIdx.x % 32;
  if (lane < Tile::kClusterSize) cutlass::arch::ClusterBarrier::arrive(empty_barrier, lane, 1);
}

// A full stage has `arrivals`.
template <typename Tile>
__device__ __forceinline__ void initialize(uint64_t* full, uint64_t* empty, int arrivals) {
  for (int i = 0; i < Tile::kStages; ++i) {
    cutlass::arch::ClusterBarrier::init(&full[i], arrivals);
    cutlass::arch::ClusterBarrier::init(&empty[i], Tile::kEmptyArrivals);
  }
  cutlass::arch::fence_barrier_init();
}

}  // namespace warpwright::cooperative
