// What the swap-AB kernels share: the tile, shared memory, the producer, and the split-K epilogue. They are for few
// rows of a, where the time goes into reading b.
//
// Swap-AB: the tensor core's operand A is b and its operand B is a, so its M, 64 for each warpgroup, runs over BLOCK_N
// and its N, as small as 8, over BLOCK_M: no rows of the tensor core are wasted on rows of a that do not exist. All
// names here are those of the problem: out is BLOCK_M x BLOCK_N. Split-K: the CTAs of a cluster split k and add their
// partial sums through distributed shared memory, which keeps every SM reading without a workspace, a second kernel or
// atomics, and gives the same sums in every run.
#pragma once

#include <cuda.h>

#include <cstddef>
#include <cstdint>

#include "cute/arch/cluster_sm90.hpp"
#include "cute/arch/copy_sm90_desc.hpp"
#include "cute/arch/copy_sm90_tma.hpp"
#include "cutlass/arch/barrier.h"
#include "warpwright/dtype.h"
#include "warpwright/gemm/tiles_sm90a.h"
#include "warpwright/gemm/wgmma.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::swap_ab {

template <typename Element_, int kBlockM_, int kBlockN_, int kBlockK_>
struct Tile {
  using Element = Element_;
  using Accum = Accumulator<Element>;
  static constexpr int kBlockM = kBlockM_, kBlockN = kBlockN_, kBlockK = kBlockK_;
  static constexpr int kAtomsK = kBlockK / kSwizzleBytes;    // swizzle atoms of a stage, side by side along k
  static constexpr int kMathThreads = 128 * (kBlockN / 64);  // one warpgroup for 64 columns of out
  static constexpr int kRowGroups = kBlockM / 8;  // of 8 rows of out; a CTA of the cluster finishes every split_k-th
  static_assert(kAtomsK * kSwizzleBytes == kBlockK && kBlockN % 64 == 0 && kBlockM % 8 == 0);

  // Few partial sums have a place of their own, so the cluster may send them at once. Many take the place of the
  // stages, once the whole cluster has done with those.
  static constexpr bool kEpilogueReusesStages = kBlockM >= 128;

  static constexpr int row_groups_per_cta(int split_k) { return (kRowGroups + split_k - 1) / split_k; }

  struct Stage {
    SwizzledRows<kBlockN> b[kAtomsK];
    SwizzledRows<kBlockM> a[kAtomsK];
  };
  static constexpr int kStageBytes = sizeof(Stage), kOffsetOfA = offsetof(Stage, a);
  static constexpr int kAtomBytesOfA = sizeof(SwizzledRows<kBlockM>), kAtomBytesOfB = sizeof(SwizzledRows<kBlockN>);

  // One CTA's sums of eight rows of out; four columns more keep the writes free of bank conflicts.
  static constexpr int kRowGroupStride = kBlockN + 4;
  struct RowGroup {
    Accum accum[8][kRowGroupStride];
  };
  static constexpr int kRowGroupBytes = sizeof(RowGroup);
};

// The start of a CTA's shared memory. What follows depends on the plan: its stages, with block scales its stages'
// scales, and split_k * row_groups_per_cta(split_k) row groups, the epilogue's, behind all that or in its place.
struct alignas(kSwizzleAlignment) SharedStorage {
  uint64_t full_barrier[sm90a::kMaxStages], empty_barrier[sm90a::kMaxStages];
  float scale_a[128];
};
static_assert(kSwizzleAlignment + sizeof(SharedStorage) == sm90a::kSwapAbHead);

// The bytes of all that; kStageScales are those of one stage's block scales.
template <typename Tile, int kStageScales>
constexpr int shared_memory(int stages, int split_k) {
  const int mainloop = stages * (Tile::kStageBytes + kStageScales);
  const int epilogue = split_k * Tile::row_groups_per_cta(split_k) * Tile::kRowGroupBytes;
  const int both = !Tile::kEpilogueReusesStages ? mainloop + epilogue : mainloop > epilogue ? mainloop : epilogue;
  return kSwizzleAlignment + int(sizeof(SharedStorage)) + both;
}

// Whether the plan counts the same bytes for a row of a tile table.
template <typename Tile, int kStageScales>
constexpr bool is_planned_for(const Sm90aTile& row) {
  for (int split_k = 1; split_k <= 8; ++split_k) {
    if (shared_memory<Tile, kStageScales>(row.min_stages, split_k) !=
            sm90a::swap_ab_shared_memory(row, row.min_stages, split_k) ||
        shared_memory<Tile, kStageScales>(row.max_stages, split_k) !=
            sm90a::swap_ab_shared_memory(row, row.max_stages, split_k)) {
      return false;
    }
  }
  return row.block_m == Tile::kBlockM && row.block_n == Tile::kBlockN && row.block_k == Tile::kBlockK;
}

// A CTA's tile and its share of k: the clusters, each of the CTAs that split the k of a tile, stand along x in raster
// order along M.
template <typename Tile>
struct TileCoord {
  int rank, split_k, m, n;

  __device__ __forceinline__ explicit TileCoord(int64_t m_end)
      : rank(int(cute::block_rank_in_cluster())), split_k(int(cute::cluster_shape().x)) {
    const unsigned tiles_m = unsigned((m_end + Tile::kBlockM - 1) / Tile::kBlockM);
    const unsigned tile = blockIdx.x / unsigned(split_k);
    m = int(tile % tiles_m) * Tile::kBlockM;
    n = int(tile / tiles_m) * Tile::kBlockN;
  }

  __device__ __forceinline__ int rows(int64_t m_end) const {
    return m_end - m < Tile::kBlockM ? int(m_end - m) : Tile::kBlockM;
  }
  __device__ __forceinline__ int first_k_block(int k_blocks) const { return k_blocks * rank / split_k; }
  __device__ __forceinline__ int last_k_block(int k_blocks) const { return k_blocks * (rank + 1) / split_k; }
};

// The one thread that fetches the CTA's share of k, stage by stage.
template <typename Tile>
struct Producer {
  const CUtensorMap& map_b;
  const CUtensorMap& map_a;
  SharedStorage& storage;
  uint8_t* stages;
  TileCoord<Tile> at;

  // b is read once: it must not push out of L2 what the next kernels read.
  static constexpr uint64_t kReadOnce = uint64_t(cute::TMA::CacheHintSm90::EVICT_FIRST);
  static constexpr uint64_t kReadAgain = uint64_t(cute::TMA::CacheHintSm90::EVICT_LAST);

  __device__ __forceinline__ void fetch(int k_block, int stage) const {
    uint64_t* full = &storage.full_barrier[stage];
    cutlass::arch::ClusterTransactionBarrier::arrive_and_expect_tx(full, Tile::kStageBytes);
    uint8_t* to = stages + stage * Tile::kStageBytes;
#pragma unroll
    for (int atom = 0; atom < Tile::kAtomsK; ++atom) {
      const int k = (k_block * Tile::kAtomsK + atom) * kSwizzleBytes;
      cute::SM90_TMA_LOAD_2D::copy(&map_b, full, kReadOnce, to + atom * Tile::kAtomBytesOfB, k, at.n);
      cute::SM90_TMA_LOAD_2D::copy(&map_a, full, kReadAgain,
                                   to + Tile::kOffsetOfA + atom * Tile::kAtomBytesOfA, k, at.m);
    }
  }

  // The barriers, and the first stages, which need no waiting, not even for the other threads. A full stage has
  // `arrivals`.
  __device__ __forceinline__ void start(int count, int arrivals, int begin, int end) const {
    cute::prefetch_tma_descriptor(&map_b);
    cute::prefetch_tma_descriptor(&map_a);
    for (int i = 0; i < count; ++i) {
      cutlass::arch::ClusterBarrier::init(&storage.full_barrier[i], arrivals);
      cutlass::arch::ClusterBarrier::init(&storage.empty_barrier[i], Tile::kMathThreads / 32);
    }
    cutlass::arch::fence_barrier_init();
    for (int i = 0; i < count && begin + i < end; ++i) fetch(begin + i, i);
  }

  // The other stages, each once it is empty.
  __device__ __forceinline__ void run(int count, int begin, int end) const {
    PipelineState state;
    for (int k_block = begin + count; k_block < end; ++k_block) {
      cutlass::arch::ClusterBarrier::wait(&storage.empty_barrier[state.stage], state.phase);
      fetch(k_block, state.stage);
      state.advance(count);
    }
  }
};

// A warp gives a stage back.
__device__ __forceinline__ void release(uint64_t* empty_barrier) {
  if (threadIdx.x % 32 == 0) cutlass::arch::ClusterBarrier::arrive(empty_barrier);
}

template <typename Tile>
Grid grid_of(int64_t m, int64_t n, int split_k) {
  return {split_k * ((m + Tile::kBlockM - 1) / Tile::kBlockM) * ((n + Tile::kBlockN - 1) / Tile::kBlockN)};
}

}  // namespace warpwright::swap_ab
