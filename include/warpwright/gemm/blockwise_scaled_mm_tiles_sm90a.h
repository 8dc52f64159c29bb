// Which tile a matrix product with block scales uses on sm_90a: a pure host function from the problem to a plan.
#pragma once

#include "warpwright/gemm/tiles_sm90a.h"

namespace warpwright {

inline constexpr Sm90aTile kBlockwiseScaledMmSm90aTiles[] = {
    {.name = "swap_ab_8x64x256", .kernel = Sm90aKernel::kSwapAb, .block_m = 8, .block_n = 64, .block_k = 256,
     .min_stages = 2, .max_stages = 6, .max_ctas_per_sm = 4, .block_scales = true},
    {.name = "swap_ab_16x64x256", .kernel = Sm90aKernel::kSwapAb, .block_m = 16, .block_n = 64, .block_k = 256,
     .min_stages = 2, .max_stages = 6, .max_ctas_per_sm = 4, .block_scales = true},
    {.name = "swap_ab_32x64x256", .kernel = Sm90aKernel::kSwapAb, .block_m = 32, .block_n = 64, .block_k = 256,
     .min_stages = 4, .max_stages = 6, .max_ctas_per_sm = 4, .block_scales = true},
    {.name = "swap_ab_64x64x256", .kernel = Sm90aKernel::kSwapAb, .block_m = 64, .block_n = 64, .block_k = 256,
     .min_stages = 3, .max_stages = 6, .max_ctas_per_sm = 3, .block_scales = true},
    {.name = "swap_ab_64x128x128", .kernel = Sm90aKernel::kSwapAb, .block_m = 64, .block_n = 128, .block_k = 128,
     .min_stages = 3, .max_stages = 7, .max_ctas_per_sm = 2, .block_scales = true},
    {.name = "swap_ab_128x64x128", .kernel = Sm90aKernel::kSwapAb, .block_m = 128, .block_n = 64, .block_k = 128,
     .min_stages = 3, .max_stages = 9, .max_ctas_per_sm = 2, .block_scales = true},
    {.name = "swap_ab_128x128x128", .kernel = Sm90aKernel::kSwapAb, .block_m = 128, .block_n = 128, .block_k = 128,
     .min_stages = 3, .max_stages = 6, .max_ctas_per_sm = 1, .block_scales = true},
    {.name = "cooperative_128x128x128_1x2", .kernel = Sm90aKernel::kCooperative,
     .block_m = 128, .block_n = 128, .block_k = 128, .cluster_m = 1, .cluster_n = 2, .min_stages = 5, .max_stages = 5},
    {.name = "cooperative_128x128x128_2x1", .kernel = Sm90aKernel::kCooperative,
     .block_m = 128, .block_n = 128, .block_k = 128, .cluster_m = 2, .cluster_n = 1, .min_stages = 5, .max_stages = 5},
};
constexpr int kBlockwiseScaledMmSm90aTileCount = sizeof(kBlockwiseScaledMmSm90aTiles) / sizeof(Sm90aTile);

namespace sm90a {

constexpr int64_t clusters(const Sm90aTile& tile, const ScaledMmShape& shape) {
  return ceil_div(shape.m, tile.cluster_m * tile.block_m) * ceil_div(shape.n, tile.cluster_n * tile.block_n);
}

// The cooperative tile with the fewest clusters; of equals, the last, which shares b.
constexpr int choose_cooperative_tile(const ScaledMmShape& shape) {
  int best = -1;
  for (int i = 0; i < kBlockwiseScaledMmSm90aTileCount; ++i) {
    const Sm90aTile& tile = kBlockwiseScaledMmSm90aTiles[i];
    if (tile.kernel != Sm90aKernel::kCooperative) continue;
    if (best < 0 || clusters(tile, shape) <= clusters(kBlockwiseScaledMmSm90aTiles[best], shape)) best = i;
  }
  return best;
}

// Few rows of a are for swap-AB, unless b has so many columns that a tile of 128 x 128 for every SM is work enough. Two
// accumulators for 128 rows leave room for few CTAs on an SM, so there the wider tile pays earlier.
constexpr int choose_blockwise_tile(const ScaledMmShape& shape) {
  const bool swaps = shape.m <= 64 || ceil_div(shape.n, 128) <= shape.sm_count;
  const int64_t many = shape.m <= 64 ? 2 * shape.sm_count : shape.sm_count / 2;
  const int tile = choose_swap_ab_tile(kBlockwiseScaledMmSm90aTiles, kBlockwiseScaledMmSm90aTileCount, shape, many);
  return swaps && tile >= 0 ? tile : choose_cooperative_tile(shape);
}

}  // namespace sm90a

// The plan for a problem with a tile of the table, or with the one that suits it best.
constexpr Sm90aPlan plan_blockwise_scaled_mm_sm90a(const ScaledMmShape& shape, int forced_tile = -1) {
  const int tile = forced_tile < 0 ? sm90a::choose_blockwise_tile(shape) : forced_tile;
  const bool swaps = kBlockwiseScaledMmSm90aTiles[tile].kernel == Sm90aKernel::kSwapAb;
  return swaps ? sm90a::plan_swap_ab(kBlockwiseScaledMmSm90aTiles, tile, shape) : sm90a::plan_cooperative(tile);
}

}  // namespace warpwright
