// Which tile a scaled matrix product uses on sm_90a: a pure host function from the problem to a plan.
#pragma once

#include "warpwright/gemm/tiles_sm90a.h"

namespace warpwright {

inline constexpr Sm90aTile kScaledMmSm90aTiles[] = {
    {.name = "swap_ab_8x64x256", .kernel = Sm90aKernel::kSwapAb, .block_m = 8, .block_n = 64, .block_k = 256,
     .min_stages = 2, .max_stages = 6, .max_ctas_per_sm = 4},
    {.name = "swap_ab_16x64x256", .kernel = Sm90aKernel::kSwapAb, .block_m = 16, .block_n = 64, .block_k = 256,
     .min_stages = 2, .max_stages = 6, .max_ctas_per_sm = 4},
    {.name = "swap_ab_32x64x256", .kernel = Sm90aKernel::kSwapAb, .block_m = 32, .block_n = 64, .block_k = 256,
     .min_stages = 4, .max_stages = 6, .max_ctas_per_sm = 4},
    {.name = "swap_ab_64x64x256", .kernel = Sm90aKernel::kSwapAb, .block_m = 64, .block_n = 64, .block_k = 256,
     .min_stages = 3, .max_stages = 6, .max_ctas_per_sm = 4},
    {.name = "swap_ab_64x128x128", .kernel = Sm90aKernel::kSwapAb, .block_m = 64, .block_n = 128, .block_k = 128,
     .min_stages = 3, .max_stages = 7, .max_ctas_per_sm = 4},
    {.name = "swap_ab_128x64x128", .kernel = Sm90aKernel::kSwapAb, .block_m = 128, .block_n = 64, .block_k = 128,
     .min_stages = 3, .max_stages = 9, .max_ctas_per_sm = 4},
    {.name = "swap_ab_128x128x128", .kernel = Sm90aKernel::kSwapAb, .block_m = 128, .block_n = 128, .block_k = 128,
     .min_stages = 3, .max_stages = 7, .max_ctas_per_sm = 4},
    {.name = "cooperative_128x128x128_2x1", .kernel = Sm90aKernel::kCooperative,
     .block_m = 128, .block_n = 128, .block_k = 128, .cluster_m = 2, .cluster_n = 1, .min_stages = 6, .max_stages = 6},
    {.name = "cooperative_128x192x128_2x1", .kernel = Sm90aKernel::kCooperative,
     .block_m = 128, .block_n = 192, .block_k = 128, .cluster_m = 2, .cluster_n = 1, .min_stages = 4, .max_stages = 4},
    {.name = "cooperative_128x256x128_2x1", .kernel = Sm90aKernel::kCooperative,
     .block_m = 128, .block_n = 256, .block_k = 128, .cluster_m = 2, .cluster_n = 1, .min_stages = 4, .max_stages = 4},
    {.name = "warp_specialized_64x64x128_2x1", .kernel = Sm90aKernel::kWarpSpecialized,
     .block_m = 64, .block_n = 64, .block_k = 128, .cluster_m = 2, .cluster_n = 1},
    {.name = "warp_specialized_64x128x128_2x1", .kernel = Sm90aKernel::kWarpSpecialized,
     .block_m = 64, .block_n = 128, .block_k = 128, .cluster_m = 2, .cluster_n = 1},
    {.name = "pingpong_128x128x128_2x1", .kernel = Sm90aKernel::kPingpong,
     .block_m = 128, .block_n = 128, .block_k = 128, .cluster_m = 2, .cluster_n = 1},
};
constexpr int kScaledMmSm90aTileCount = sizeof(kScaledMmSm90aTiles) / sizeof(Sm90aTile);

namespace sm90a {

// Waves of clusters of two CTAs along M.
constexpr int64_t waves(const Sm90aTile& tile, const ScaledMmShape& shape) {
  return ceil_div(ceil_div(shape.m, 2 * tile.block_m) * ceil_div(shape.n, tile.block_n), shape.sm_count / 2);
}

// Estimated time, in columns of a tile times blocks of k. An epilogue that nothing hides takes as long as 3.5 blocks of
// k. Pingpong's tile is narrower, which costs it 6% in the mainloop; it shows one epilogue in all.
constexpr double cost(const Sm90aTile& tile, const ScaledMmShape& shape) {
  const double k_blocks = double(ceil_div(shape.k, tile.block_k)), epilogue = 3.5;
  if (tile.kernel == Sm90aKernel::kPingpong) return tile.block_n * (waves(tile, shape) * k_blocks * 1.06 + epilogue);
  return waves(tile, shape) * tile.block_n * (k_blocks + epilogue);
}

constexpr int choose_persistent_tile(const ScaledMmShape& shape) {
  int best = kScaledMmSm90aTileCount - 1;  // pingpong
  for (int i = 0; i < kScaledMmSm90aTileCount; ++i) {
    const Sm90aTile& tile = kScaledMmSm90aTiles[i];
    if (tile.kernel != Sm90aKernel::kCooperative || waves(tile, shape) > 4) continue;
    if (cost(tile, shape) <= cost(kScaledMmSm90aTiles[best], shape)) best = i;  // of equals, the wider
  }
  return best;
}

// The narrowest of the kernel's tiles whose two rows give every SM at most one, and more than half of them one; -1
// where there is none. A long k is better split.
constexpr int choose_warp_specialized_tile(const ScaledMmShape& shape) {
  if (shape.m <= 64 || shape.m > 128 || shape.k > 6144) return -1;
  for (int i = 0; i < kScaledMmSm90aTileCount; ++i) {
    const Sm90aTile& tile = kScaledMmSm90aTiles[i];
    if (tile.kernel != Sm90aKernel::kWarpSpecialized) continue;
    const int64_t tiles = 2 * ceil_div(shape.n, tile.block_n);
    if (tiles <= shape.sm_count && 2 * tiles > shape.sm_count) return i;
  }
  return -1;
}

constexpr int choose_scaled_mm_tile(const ScaledMmShape& shape) {
  int tile = choose_warp_specialized_tile(shape);
  if (tile >= 0) return tile;
  tile = choose_swap_ab_tile(kScaledMmSm90aTiles, kScaledMmSm90aTileCount, shape, 2 * shape.sm_count);
  return tile >= 0 ? tile : choose_persistent_tile(shape);
}

constexpr int64_t kBytesOfBThatStayInL2 = 20 << 20;  // of the 50 MB that an H100 and an H200 have

// With few rows of a the raster goes along M, so that b is read once.
constexpr Sm90aPlan plan_cutlass(int tile, const ScaledMmShape& shape) {
  Sm90aPlan plan;
  plan.tile = tile;
  plan.raster = shape.m <= 2048 ? RasterOrder::kAlongM : RasterOrder::kAlongN;
  const bool reads_b_once = plan.raster == RasterOrder::kAlongM || shape.n * shape.k <= kBytesOfBThatStayInL2;
  plan.swizzle_size = reads_b_once ? 1 : 8;
  return plan;
}

}  // namespace sm90a

// The plan for a problem with a tile of the table, or with the one that suits it best.
constexpr Sm90aPlan plan_scaled_mm_sm90a(const ScaledMmShape& shape, int forced_tile = -1) {
  const int tile = forced_tile < 0 ? sm90a::choose_scaled_mm_tile(shape) : forced_tile;
  switch (kScaledMmSm90aTiles[tile].kernel) {
    case Sm90aKernel::kSwapAb:
      return sm90a::plan_swap_ab(kScaledMmSm90aTiles, tile, shape);
    case Sm90aKernel::kCooperative:
      return sm90a::plan_cooperative(tile);
    default:
      return sm90a::plan_cutlass(tile, shape);
  }
}

}  // namespace warpwright
