// Which tile a matrix product with block scales uses on sm_90a: a pure host function, as in scaled_mm_tiles_sm90a.h.
#pragma once

#include "warpwright/gemm/scaled_mm_tiles_sm90a.h"

namespace warpwright {

// STREAMING(weights, tokens, boxes, min_stages, max_stages, max_blocks), PERSISTENT(weights, stages, what clusters share).
#define WARPWRIGHT_BLOCKWISE_SCALED_MM_SM90A_TILES(STREAMING, PERSISTENT) \
  STREAMING(64, 8, 2, 2, 6, 4)                                            \
  STREAMING(64, 16, 2, 2, 6, 4)                                           \
  STREAMING(64, 32, 2, 4, 6, 4)                                           \
  STREAMING(64, 64, 2, 3, 6, 3)                                           \
  STREAMING(128, 64, 1, 3, 7, 2)                                          \
  STREAMING(64, 128, 1, 3, 9, 2)                                          \
  STREAMING(128, 128, 1, 3, 6, 1)                                         \
  PERSISTENT(128, 5, Tokens)                                              \
  PERSISTENT(128, 5, Weights)

namespace sm90a {

// A stage holds, for each of its boxes, a scale of every token and one of the weights: to a multiple of 16 bytes.
constexpr Sm90aTile blockwise_tile(const char* name, int weights, int tokens, int boxes, int min_stages,
                                   int max_stages, int max_blocks) {
  const int scale_bytes = int(ceil_div(boxes * (tokens + 1) * 4, 16)) * 16;
  return {name, Sm90aKernel::kStreaming, weights, tokens, boxes, scale_bytes, max_blocks, min_stages, max_stages};
}

}  // namespace sm90a

#define WARPWRIGHT_STREAMING_ROW(weights, tokens, boxes, min_stages, max_stages, max_blocks)             \
  sm90a::blockwise_tile("streaming_" #weights "x" #tokens, weights, tokens, boxes, min_stages, max_stages, max_blocks),
#define WARPWRIGHT_PERSISTENT_ROW(weights, stages, shared)                                              \
  {"persistent_" #weights "x128_shared" #shared, Sm90aKernel::kPersistent, weights, 128, 1, 0, 1, stages, stages},

constexpr Sm90aTile kBlockwiseScaledMmSm90aTiles[] = {
    WARPWRIGHT_BLOCKWISE_SCALED_MM_SM90A_TILES(WARPWRIGHT_STREAMING_ROW, WARPWRIGHT_PERSISTENT_ROW)};
constexpr int kBlockwiseScaledMmSm90aTileCount = sizeof(kBlockwiseScaledMmSm90aTiles) / sizeof(Sm90aTile);

#undef WARPWRIGHT_STREAMING_ROW
#undef WARPWRIGHT_PERSISTENT_ROW

namespace sm90a {

// Clusters of the persistent kernel: two CTAs that share the weights, or two that share the tokens.
constexpr int64_t clusters_that_share_weights(const ScaledMmShape& shape) {
  return ceil_div(shape.m, 256) * ceil_div(shape.n, 128);
}
constexpr int64_t clusters_that_share_tokens(const ScaledMmShape& shape) {
  return ceil_div(shape.m, 128) * ceil_div(shape.n, 256);
}

// Few tokens stream, unless there are so many weights that 128 tokens and a tile of 128 for every SM are work enough. The
// sums and the totals of 128 tokens leave room for few blocks on an SM, so there the wider tile pays earlier.
constexpr int choose_blockwise_tile(const ScaledMmShape& shape) {
  const int shares_weights = kBlockwiseScaledMmSm90aTileCount - 1, shares_tokens = shares_weights - 1;
  const bool streams = shape.m <= 64 || ceil_div(shape.n, 128) <= shape.sm_count;
  const int64_t many = shape.m <= 64 ? 2 * shape.sm_count : shape.sm_count / 2;
  const int tile = choose_streaming_tile(kBlockwiseScaledMmSm90aTiles, kBlockwiseScaledMmSm90aTileCount, shape, many);
  if (streams && tile >= 0) return tile;
  return clusters_that_share_tokens(shape) < clusters_that_share_weights(shape) ? shares_tokens : shares_weights;
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
  return plan;
}

}  // namespace warpwright
