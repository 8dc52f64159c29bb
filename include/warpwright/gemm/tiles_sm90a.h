// What the tile tables of sm_90a share: a row, a plan, and how the swap-AB kernel is spread over the device. Pure host
// functions without a CUDA header, so the unit tests compile them with the host compiler alone.
#pragma once

#include <cstdint>

#include "warpwright/gemm/scaled_mm_tiles.h"

namespace warpwright {

// Measured on an H200 with CUDA 13.0:
//   swap-AB           few rows of a: the time goes into reading b (swap_ab_tile.cuh)
//   cooperative       up to four waves of wide tiles: widths that leave few SMs idle (cooperative_tile.cuh)
//   warp-specialized  up to 128 rows of a, and a tile for every SM: no split-K to wait for (CUTLASS 3.x)
//   pingpong          many waves: one tile's epilogue hides behind the next tile's mainloop (CUTLASS 3.x)
enum class Sm90aKernel { kSwapAb, kCooperative, kWarpSpecialized, kPingpong };

// A row's name, which WARPWRIGHT_FORCE_TILE takes, is <kernel>_<BLOCK_M>x<BLOCK_N>x<BLOCK_K>, and
// _<cluster M>x<cluster N> where the cluster is the table's and not the plan's.
struct Sm90aTile {
  const char* name = "";
  Sm90aKernel kernel = Sm90aKernel::kSwapAb;
  int block_m = 0, block_n = 0, block_k = 0;  // of a CTA: rows of out, columns of out, elements of k in one stage
  int cluster_m = 1, cluster_n = 1;  // CTAs of a cluster: along M they share b by TMA multicast, along N they share a
  int min_stages = 0, max_stages = 0;  // below the one, loads stop coming; above the other, more gain nothing
  int max_ctas_per_sm = 1;             // that an SM's registers hold
  bool block_scales = false;           // swap-AB: a stage brings the scales of its blocks of k
};

// The dimension of out along which neighbouring tiles follow each other.
enum class RasterOrder { kAlongM, kAlongN };

// A tile, and how the problem is spread over the device with it.
struct Sm90aPlan {
  int tile = -1;
  int stages = 0;         // swap-AB
  int split_k = 1;        // swap-AB: CTAs of a cluster, which share k
  int shared_memory = 0;  // swap-AB: bytes; the others have theirs fixed when they are compiled
  RasterOrder raster = RasterOrder::kAlongM;
  int swizzle_size = 1;  // tiles across the raster order that are visited together, so that what they read stays in L2
};

namespace sm90a {

constexpr int kSwizzleAtomK = 128;  // elements of k, a byte each, in the widest swizzle of shared memory
constexpr int kSwapAbHead = 2048;   // bytes: to align the stages for the swizzle, and SharedStorage

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Of swap-AB; a stage's block scales are those of each row of a and one of b, for each block of k, to 16 bytes.
constexpr int stage_bytes(const Sm90aTile& tile) {
  const int scales = tile.block_k / kSwizzleAtomK * (tile.block_m + 1) * 4;
  return (tile.block_m + tile.block_n) * tile.block_k + (tile.block_scales ? int(ceil_div(scales, 16)) * 16 : 0);
}

// Shared memory of the swap-AB kernel; swap_ab_tile.cuh asserts that it is what the kernel's structs take.
constexpr int swap_ab_shared_memory(const Sm90aTile& tile, int stages, int split_k) {
  const int mainloop = stages * stage_bytes(tile);
  const int row_groups = tile.block_m / 8, row_group_bytes = 8 * (tile.block_n + 4) * 4;
  const int epilogue = split_k * int(ceil_div(row_groups, split_k)) * row_group_bytes;
  const bool reuses_stages = tile.block_m >= 128;
  return kSwapAbHead + (!reuses_stages ? mainloop + epilogue : mainloop > epilogue ? mainloop : epilogue);
}

// A stage is released once the products of the next one have been started: with one stage, never.
constexpr int kMinStages = 2, kMaxStages = 16;
constexpr bool can_pipeline(const Sm90aPlan& plan) { return plan.stages >= kMinStages && plan.stages <= kMaxStages; }

constexpr int kReservedSharedMemory = 1024;  // of an SM, for each CTA (CUDA C++ Programming Guide, 9.0)

// The most stages with which so many CTAs share an SM.
constexpr int most_stages(const Sm90aTile& tile, int split_k, int ctas_per_sm, int shared_memory_per_block) {
  const int room = (shared_memory_per_block + kReservedSharedMemory) / ctas_per_sm - kReservedSharedMemory;
  int stages = tile.max_stages;
  while (stages > 0 && swap_ab_shared_memory(tile, stages, split_k) > room) --stages;
  return stages;
}

// k is split where there are too few tiles for all SMs; a CTA has at least four blocks of k of its own.
constexpr int choose_split_k(const Sm90aTile& tile, const ScaledMmShape& shape, int64_t tiles) {
  const int64_t k_blocks = ceil_div(shape.k, tile.block_k);
  int64_t split_k = shape.sm_count / tiles;
  if (split_k > k_blocks / 4) split_k = k_blocks / 4;
  return split_k < 1 ? 1 : split_k > 8 ? 8 : int(split_k);
}

constexpr Sm90aPlan plan_swap_ab(const Sm90aTile* table, int index, const ScaledMmShape& shape) {
  const Sm90aTile& tile = table[index];
  const int64_t tiles = ceil_div(shape.n, tile.block_n) * ceil_div(shape.m, tile.block_m);
  Sm90aPlan plan;
  plan.tile = index;
  plan.split_k = choose_split_k(tile, shape, tiles);
  const int64_t wanted = ceil_div(tiles * plan.split_k, shape.sm_count);  // CTAs on an SM, for one wave
  for (int ctas = wanted < tile.max_ctas_per_sm ? int(wanted) : tile.max_ctas_per_sm; ctas >= 1; --ctas) {
    plan.stages = most_stages(tile, plan.split_k, ctas, shape.shared_memory_per_block);
    if (plan.stages >= tile.min_stages) break;
  }
  plan.shared_memory = swap_ab_shared_memory(tile, plan.stages, plan.split_k);
  return plan;
}

// The cooperative kernel goes along N, eight rows of tiles at once.
constexpr Sm90aPlan plan_cooperative(int tile) {
  Sm90aPlan plan;
  plan.tile = tile;
  plan.raster = RasterOrder::kAlongN;
  plan.swizzle_size = 8;
  return plan;
}

// The smallest BLOCK_M that holds all rows of a, with BLOCK_N doubled where there are more than `many` blocks of 64
// columns; -1 where swap-AB does not pay. Two rows of tiles still do if they are one wave.
constexpr int choose_swap_ab_tile(const Sm90aTile* table, int count, const ScaledMmShape& shape, int64_t many) {
  const bool two_rows = shape.m <= 256 && 2 * ceil_div(shape.n, 64) <= shape.sm_count;
  if (shape.m > 128 && !two_rows) return -1;
  const int64_t rows = shape.m < 128 ? shape.m : 128;
  int best = -1;
  for (int i = 0; i < count; ++i) {
    const Sm90aTile& tile = table[i];
    if (tile.kernel != Sm90aKernel::kSwapAb || tile.block_m < rows) continue;
    if (best >= 0 && tile.block_m > table[best].block_m) continue;
    if (best < 0 || ceil_div(shape.n, 64) > many) best = i;
  }
  return best;
}

}  // namespace sm90a

}  // namespace warpwright
