// Which tile a matrix product with block scales uses on sm_90a: a pure host function, as in scaled_mm_tiles_sm90a.h.
#pragma once

#include "warpwright/gemm/scaled_mm_tiles_sm90a.h"

namespace warpwright {

// STREAMING(weights, tokens, boxes, min_stages, max_stages), PERSISTENT(weights, stages).
#define WARPWRIGHT_BLOCKWISE_SCALED_MM_SM90A_TILES(STREAMING, PERSISTENT) \
  STREAMING(64, 8, 2, 2, 6)                                               \
  STREAMING(64, 16, 2, 2, 6)                                              \
  STREAMING(64, 32, 2, 4, 6)                                              \
  STREAMING(64, 64, 2, 3, 6)                                              \
  STREAMING(128, 64, 1, 3, 7)                                             \
  STREAMING(64, 128, 1, 3, 9)                                             \
  STREAMING(128, 128, 1, 3, 6)                                            \
  PERSISTENT(128, 5)

namespace sm90a {

// A stage holds, for each of its boxes, a scale of every token and one of the weights: to a multiple of 16 bytes.
constexpr Sm90aTile blockwise_tile(const char* name, int weights, int tokens, int boxes, int min_stages,
                                   int max_stages) {
  const int scale_bytes = int(ceil_div(boxes * (tokens + 1) * 4, 16)) * 16;
  return {name, Sm90aKernel::kStreaming, weights, tokens, boxes, scale_bytes, min_stages, max_stages};
}

}  // namespace sm90a

#define WARPWRIGHT_STREAMING_ROW(weights, tokens, boxes, min_stages, max_stages) \
  sm90a::blockwise_tile("streaming_" #weights "x" #tokens, weights, tokens, boxes, min_stages, max_stages),
#define WARPWRIGHT_PERSISTENT_ROW(weights, stages) \
  {"persistent_" #weights "x128", Sm90aKernel::kPersistent, weights, 128, 1, 0, stages, stages},

constexpr Sm90aTile kBlockwiseScaledMmSm90aTiles[] = {
    WARPWRIGHT_BLOCKWISE_SCALED_MM_SM90A_TILES(WARPWRIGHT_STREAMING_ROW, WARPWRIGHT_PERSISTENT_ROW)};
constexpr int kBlockwiseScaledMmSm90aTileCount = sizeof(kBlockwiseScaledMmSm90aTiles) / sizeof(Sm90aTile);

#undef WARPWRIGHT_STREAMING_ROW
#undef WARPWRIGHT_PERSISTENT_ROW

namespace sm90a {

constexpr int choose_blockwise_tile(const ScaledMmShape& shape) {
  const int tile = choose_streaming_tile(kBlockwiseScaledMmSm90aTiles, kBlockwiseScaledMmSm90aTileCount, shape);
  return tile < 0 ? kBlockwiseScaledMmSm90aTileCount - 1 : tile;
}

}  // namespace sm90a

// The plan for a problem with a tile of the table, or with the one that suits it best.
constexpr Sm90aPlan plan_blockwise_scaled_mm_sm90a(const ScaledMmShape& shape, int forced_tile = -1) {
  const int tile = forced_tile < 0 ? sm90a::choose_blockwise_tile(shape) : forced_tile;
  if (kBlockwiseScaledMmSm90aTiles[tile].kernel == Sm90aKernel::kStreaming) {
    return sm90a::plan_streaming(kBlockwiseScaledMmSm90aTiles, tile, shape);
  }
  Sm90aPlan plan;
  plan.tile = tile;
  plan.panel = 8;
  plan.lag = 2;
  return plan;
}

}  // namespace warpwright
