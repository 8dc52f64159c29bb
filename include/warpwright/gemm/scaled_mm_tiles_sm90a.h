// Which tile a scaled matrix product uses on sm_90a: a pure host function from the problem to a configuration. No CUDA
// header is needed, so the unit tests compile it with the host compiler alone.
//
// Four kernels share the work (measured on an H200 with CUDA 13.0):
//   streaming   few tokens: the time goes into reading the weights (streaming_scaled_mm.cuh)
//   one tile    up to 128 tokens, and a tile for every SM: no sum over CTAs to wait for (CUTLASS 3.x)
//   persistent  up to four rounds of wide tiles: widths that leave few SMs idle (persistent_scaled_mm.cuh)
//   pingpong    many rounds: one tile's epilogue hides behind the next tile's products (CUTLASS 3.x)
#pragma once

#include <cstdint>

#include "warpwright/gemm/scaled_mm_tiles.h"

namespace warpwright {

enum class Sm90aKernel { kStreaming, kPersistent, kOneTile, kPingpong };

struct Sm90aTile {
  const char* name;
  Sm90aKernel kernel;
  int weights, tokens;         // columns of b and rows of a in one tile
  int boxes;                   // of 128 bytes of k in one stage
  int scale_bytes;             // streaming: in one stage, where the scales come with the operands
  int max_blocks;              // streaming: that an SM's registers hold
  int min_stages, max_stages;  // below the one, loads stop coming; above the other, more of them gain nothing
};

// STREAMING(weights, tokens, boxes, min_stages, max_stages), PERSISTENT(weights, stages), CUTLASS(kernel, weights, tokens).
#define WARPWRIGHT_SCALED_MM_SM90A_TILES(STREAMING, PERSISTENT, CUTLASS)                                           \
  STREAMING(64, 8, 2, 2, 6)                                                                                        \
  STREAMING(64, 16, 2, 2, 6)                                                                                       \
  STREAMING(64, 32, 2, 4, 6)                                                                                       \
  STREAMING(64, 64, 2, 3, 6)                                                                                       \
  STREAMING(128, 64, 1, 3, 7)                                                                                      \
  STREAMING(64, 128, 1, 3, 9)                                                                                      \
  STREAMING(128, 128, 1, 3, 7)                                                                                     \
  PERSISTENT(128, 6)                                                                                               \
  PERSISTENT(192, 4)                                                                                               \
  PERSISTENT(256, 4)                                                                                               \
  CUTLASS(OneTile, 64, 64)                                                                                         \
  CUTLASS(OneTile, 128, 64)                                                                                        \
  CUTLASS(Pingpong, 128, 128)

#define WARPWRIGHT_STREAMING_ROW(weights, tokens, boxes, min_stages, max_stages) \
  {"streaming_" #weights "x" #tokens , Sm90aKernel::kStreaming, weights, tokens, boxes, 0, 4, min_stages, max_stages},
#define WARPWRIGHT_PERSISTENT_ROW(weights, stages) \
  {"persistent_" #weights "x128", Sm90aKernel::kPersistent, weights, 128, 1, 0, 1, stages, stages},
#define WARPWRIGHT_CUTLASS_ROW(kernel, weights, tokens) \
  {#kernel "_" #weights "x" #tokens, Sm90aKernel::k##kernel, weights, tokens, 1, 0, 1, 0, 0},

constexpr Sm90aTile kScaledMmSm90aTiles[] = {WARPWRIGHT_SCALED_MM_SM90A_TILES(
    WARPWRIGHT_STREAMING_ROW, WARPWRIGHT_PERSISTENT_ROW, WARPWRIGHT_CUTLASS_ROW)};
constexpr int kScaledMmSm90aTileCount = sizeof(kScaledMmSm90aTiles) / sizeof(Sm90aTile);

#undef WARPWRIGHT_STREAMING_ROW
#undef WARPWRIGHT_PERSISTENT_ROW
#undef WARPWRIGHT_CUTLASS_ROW

// A tile, and how the problem is spread over the device with it.
struct Sm90aPlan {
  int tile = -1;
  int stages = 0;         // streaming
  int split = 1;          // streaming: CTAs of a cluster that share k
  int shared_memory = 0;  // streaming: bytes; the others have theirs fixed when they are compiled
  int panel = 1;          // persistent, pingpong: rows or columns of tiles that are worked on together
  bool down = true;       // pingpong: goes through the tokens first, so that the weights are read once
};

namespace sm90a {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Shared memory of the streaming kernel; streaming_scaled_mm.cuh asserts that it is the same.
constexpr int streaming_shared_memory(const Sm90aTile& tile, int stages, int split) {
  const int pipeline = stages * (tile.boxes * (tile.weights + tile.tokens) * 128 + tile.scale_bytes);
  const int groups = tile.tokens / 8, group_bytes = 8 * (tile.weights + 4) * 4;
  const int sums = split * int(ceil_div(groups, split)) * group_bytes;
  const int both = tile.tokens < 128 ? pipeline + sums : pipeline > sums ? pipeline : sums;
  return 2048 + both;
}

// A stage is given back once the products of the next one have been started: with one stage, never.
constexpr int kLeastStages = 2, kMostStages = 16;
constexpr bool can_stream(const Sm90aPlan& plan) { return plan.stages >= kLeastStages && plan.stages <= kMostStages; }

constexpr int kReservedSharedMemory = 1024;  // of an SM, for each block (CUDA C++ Programming Guide, 9.0)

// The most stages with which `blocks` of these share an SM.
constexpr int most_stages(const Sm90aTile& tile, int split, int blocks, int shared_memory_per_block) {
  const int room = (shared_memory_per_block + kReservedSharedMemory) / blocks - kReservedSharedMemory;
  int stages = tile.max_stages;
  while (stages > 0 && streaming_shared_memory(tile, stages, split) > room) --stages;
  return stages;
}

// k is split where there are too few tiles for all SMs; a block does at least four steps of its own.
constexpr int choose_split(const Sm90aTile& tile, const ScaledMmShape& shape, int64_t tiles) {
  const int64_t steps = ceil_div(shape.k, 128 * tile.boxes);
  int64_t split = shape.sm_count / tiles;
  if (split > steps / 4) split = steps / 4;
  return split < 1 ? 1 : split > 8 ? 8 : int(split);
}

constexpr Sm90aPlan plan_streaming(const Sm90aTile* table, int index, const ScaledMmShape& shape) {
  const Sm90aTile& tile = table[index];
  const int64_t tiles = ceil_div(shape.n, tile.weights) * ceil_div(shape.m, tile.tokens);
  Sm90aPlan plan;
  plan.tile = index;
  plan.split = choose_split(tile, shape, tiles);
  const int64_t wanted = ceil_div(tiles * plan.split, shape.sm_count);  // blocks on an SM, for all to run at once
  for (int blocks = wanted < tile.max_blocks ? int(wanted) : tile.max_blocks; blocks >= 1; --blocks) {
    plan.stages = most_stages(tile, plan.split, blocks, shape.shared_memory_per_block);
    if (plan.stages >= tile.min_stages) break;
  }
  plan.shared_memory = streaming_shared_memory(tile, plan.stages, plan.split);
  return plan;
}

// Rounds of tiles, each a cluster of two blocks: 256 tokens.
constexpr int64_t rounds(const Sm90aTile& tile, const ScaledMmShape& shape) {
  return ceil_div(ceil_div(shape.m, 2 * tile.tokens) * ceil_div(shape.n, tile.weights), shape.sm_count / 2);
}

// Estimated time, in weights times steps of k. An epilogue that nothing hides takes as long as 3.5 steps. Pingpong's
// tile is narrower, which costs it 6% in the products; it shows one epilogue in all.
constexpr double cost(const Sm90aTile& tile, const ScaledMmShape& shape) {
  const double steps = double(ceil_div(shape.k, 128)), epilogue = 3.5;
  if (tile.kernel == Sm90aKernel::kPingpong) return tile.weights * (rounds(tile, shape) * steps * 1.06 + epilogue);
  return rounds(tile, shape) * tile.weights * (steps + epilogue);
}

constexpr int64_t kWeightsThatStayInL2 = 20 << 20;  // bytes, of the 50 MB that an H100 and an H200 have

constexpr int choose_compute_tile(const ScaledMmShape& shape) {
  int best = kScaledMmSm90aTileCount - 1;  // pingpong
  for (int i = 0; i < kScaledMmSm90aTileCount; ++i) {
    const Sm90aTile& tile = kScaledMmSm90aTiles[i];
    if (tile.kernel != Sm90aKernel::kPersistent || rounds(tile, shape) > 4) continue;
    if (cost(tile, shape) <= cost(kScaledMmSm90aTiles[best], shape)) best = i;  // of equals, the wider
  }
  return best;
}

// The narrowest tile that holds all tokens, with twice the weights where more than `many` tiles of 64 of them are left;
// -1 where none should stream. Two rows of tiles still stream well if all of them run at once.
constexpr int choose_streaming_tile(const Sm90aTile* table, int count, const ScaledMmShape& shape, int64_t many) {
  const bool two_rows = shape.m <= 256 && 2 * ceil_div(shape.n, 64) <= shape.sm_count;
  if (shape.m > 128 && !two_rows) return -1;
  const int64_t tokens = shape.m < 128 ? shape.m : 128;
  int best = -1;
  for (int i = 0; i < count; ++i) {
    const Sm90aTile& tile = table[i];
    if (tile.kernel != Sm90aKernel::kStreaming || tile.tokens < tokens) continue;
    if (best >= 0 && tile.tokens > table[best].tokens) continue;
    if (best < 0 || ceil_div(shape.n, 64) > many) best = i;
  }
  return best;
}

// The narrowest of the kernel's tiles whose two rows give every SM at most one, and more than half of them one; -1 where
// there is none. A long k is better split.
constexpr int choose_one_tile(const ScaledMmShape& shape) {
  if (shape.m <= 64 || shape.m > 128 || shape.k > 6144) return -1;
  for (int i = 0; i < kScaledMmSm90aTileCount; ++i) {
    const Sm90aTile& tile = kScaledMmSm90aTiles[i];
    const int64_t tiles = 2 * ceil_div(shape.n, tile.weights);
    if (tile.kernel == Sm90aKernel::kOneTile && tiles <= shape.sm_count && 2 * tiles > shape.sm_count) return i;
  }
  return -1;
}

}  // namespace sm90a

// The plan for a problem with a tile of the table, or with the one that suits it best.
constexpr Sm90aPlan plan_scaled_mm_sm90a(const ScaledMmShape& shape, int forced_tile = -1) {
  int tile = forced_tile;
  if (tile < 0) tile = sm90a::choose_one_tile(shape);
  if (tile < 0) {
    tile = sm90a::choose_streaming_tile(kScaledMmSm90aTiles, kScaledMmSm90aTileCount, shape, 2 * shape.sm_count);
  }
  if (tile < 0) tile = sm90a::choose_compute_tile(shape);
  if (kScaledMmSm90aTiles[tile].kernel == Sm90aKernel::kStreaming) {
    return sm90a::plan_streaming(kScaledMmSm90aTiles, tile, shape);
  }
  Sm90aPlan plan;
  plan.tile = tile;
  if (kScaledMmSm90aTiles[tile].kernel == Sm90aKernel::kPersistent) {
    plan.panel = 8;
    return plan;
  }
  plan.down = shape.m <= 2048;
  plan.panel = plan.down || shape.n * shape.k <= sm90a::kWeightsThatStayInL2 ? 1 : 8;
  return plan;
}

}  // namespace warpwright
