// How a weight-only product is cut up: a pure function from the problem to a plan, and what a CTA keeps in shared
// memory.
#pragma once

#include <cstdint>
#include <utility>

#include "warpwright/quantization/marlin_layout.h"

namespace warpwright {

constexpr int kMarlinWarps = 8;  // of a CTA, which slice the k of its tile between them (sliced-K)
constexpr int kMarlinThreads = 32 * kMarlinWarps;
constexpr int kMarlinWarpK = 16;     // rows of k in one stage of one warp: mma.m16n8k16
constexpr int kMarlinMaxSplitK = 8;  // CTAs of a cluster, the portable limit

struct MarlinTile {
  int block_m = 0, block_n = 0;  // of a CTA: rows of out, columns of out
  int stages = 0;                // of each warp's pipeline
  int ctas_per_sm = 0;           // by the registers that the kernels are compiled for

  WARPWRIGHT_HOST_DEVICE constexpr int tiles_n() const { return block_n / marlin::kTileN; }

  // The tiles of Marlin's order that the warps reduce at once.
  WARPWRIGHT_HOST_DEVICE constexpr int reduced_tiles() const { return block_m == 32 ? 1 : tiles_n(); }
  WARPWRIGHT_HOST_DEVICE constexpr int reduced_columns() const { return marlin::kTileN * reduced_tiles(); }
};

inline constexpr MarlinTile kMarlinTiles[] = {
    {.block_m = 8, .block_n = 128, .stages = 4, .ctas_per_sm = 2},
    {.block_m = 16, .block_n = 128, .stages = 4, .ctas_per_sm = 2},
    {.block_m = 32, .block_n = 128, .stages = 4, .ctas_per_sm = 1},
};
constexpr int kMarlinTileCount = sizeof(kMarlinTiles) / sizeof(MarlinTile);

// The index of the smallest BLOCK_M that holds all rows of a, or of the largest.
constexpr int marlin_tile_index(int64_t m) {
  int index = 0;
  while (index + 1 < kMarlinTileCount && kMarlinTiles[index].block_m < m) ++index;
  return index;
}

// A row of the table as a type: the kernels are named by BLOCK_M.
template <int kBlockM>
struct MarlinTileOf {
  static constexpr MarlinTile kTile = kMarlinTiles[marlin_tile_index(kBlockM)];
  static_assert(kTile.block_m == kBlockM, "no row of kMarlinTiles has this BLOCK_M");
};

// What one copy moves.
struct alignas(16) MarlinVector {
  uint32_t words[4];
};

// The operands of 16 rows of k.
template <int kBlockM>
struct MarlinStage {
  static constexpr int kTilesN = MarlinTileOf<kBlockM>::kTile.tiles_n();
  MarlinVector b[kTilesN][32];        // a vector for each lane, in Marlin's order
  MarlinVector a[kBlockM / 8][2][8];  // for each eight rows, both halves of k as 8x8 matrices
  MarlinVector scales[kTilesN][8];
  uint32_t zeros[kTilesN][8];
};

// The pipelines of the warps, and in their place their accumulators later on, whose rows are four columns out of step
// with the banks.
template <int kBlockM>
union MarlinSharedStorage {
  static constexpr MarlinTile kTile = MarlinTileOf<kBlockM>::kTile;
  MarlinStage<kBlockM> stages[kMarlinWarps][kTile.stages];
  float accum[kMarlinWarps][kBlockM][kTile.reduced_columns() + 4];
};

struct MarlinGemmPlan {
  int tile = 0;     // of kMarlinTiles
  int split_k = 1;  // CTAs that share the k of one tile of out
  int64_t tiles_m = 0, tiles_n = 0;
  int k_blocks = 0;  // of 16 rows of k, of one warp
  int shared_memory = 0;
};

namespace marlin {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <int... kIndex>
constexpr int shared_memory(int tile, std::integer_sequence<int, kIndex...>) {
  const int bytes[] = {int(sizeof(MarlinSharedStorage<kMarlinTiles[kIndex].block_m>))...};
  return bytes[tile];
}

// Times in blocks of k of a warp, a third of a microsecond on an H100. Alone, a CTA takes as long as its start and its
// blocks of k, and those that share k meet in the end; all together take as long as the weights do, by the bytes that
// an SM gets in that time.
constexpr int64_t cta_time(int64_t k_blocks, int split_k) { return 16 + (split_k > 1 ? 6 : 0) + k_blocks; }
constexpr int64_t weights_time(int64_t n, int64_t k, int sm_count) {
  return 23 + n * k / 2 / (int64_t(sm_count) * 5700);
}

constexpr int64_t k_blocks_of_warp(int64_t k, int split_k) {
  return ceil_div(ceil_div(k / kMarlinWarpK, split_k), kMarlinWarps);
}

// k is split until the weights take longer than a CTA, as long as all CTAs are one wave.
constexpr int choose_split_k(int64_t n, int64_t k, int64_t tiles, int sm_count, int ctas_per_sm) {
  const int64_t wanted = weights_time(n, k, sm_count), places = int64_t(sm_count) * ctas_per_sm;
  int split_k = 1;
  while (cta_time(k_blocks_of_warp(k, split_k), split_k) > wanted) {
    const int next = split_k + 1;
    if (next > kMarlinMaxSplitK || tiles * next > places || next * kMarlinWarps * kMarlinWarpK > k) break;
    split_k = next;
  }
  return split_k;
}

}  // namespace marlin

constexpr MarlinGemmPlan plan_marlin_gemm(int64_t m, int64_t n, int64_t k, int sm_count) {
  MarlinGemmPlan plan;
  plan.tile = marlin_tile_index(m);
  const MarlinTile& tile = kMarlinTiles[plan.tile];
  plan.tiles_m = marlin::ceil_div(m, tile.block_m);
  plan.tiles_n = marlin::ceil_div(n, tile.block_n);
  plan.split_k = marlin::choose_split_k(n, k, plan.tiles_m * plan.tiles_n, sm_count, tile.ctas_per_sm);
  plan.k_blocks = int(marlin::k_blocks_of_warp(k, plan.split_k));
  plan.shared_memory = marlin::shared_memory(plan.tile, std::make_integer_sequence<int, kMarlinTileCount>{});
  return plan;
}

}  // namespace warpwright
