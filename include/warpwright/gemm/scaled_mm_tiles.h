// Which tile a scaled matrix product uses: a pure host function from the problem to a row of the SM's table. No CUDA
// header is needed, so the unit tests compile it with the host compiler alone.
#pragma once

#include <cstdint>

#include "warpwright/sm_path.h"

namespace warpwright {

// What the choice depends on.
struct ScaledMmShape {
  int64_t m = 0, n = 0, k = 0;
  int sm_count = 0;
  int shared_memory_per_block = 0;  // bytes, the opt-in maximum
};

struct ScaledMmTile {
  const char* name;
  int64_t max_m;  // the tile serves problems of up to this many rows
  int shared_memory;
};

constexpr int64_t kAnyM = INT64_MAX;

// The tables are lists of X(block_m, block_n, block_k, warp_m, warp_n, warp_k, stages, max_m), so that a unit makes its
// kernels and this header its data from the same line. Eight bits per element.
#define WARPWRIGHT_INT8_SCALED_MM_SM80_TILES(X) \
  X(16, 64, 128, 16, 64, 64, 5, 16)             \
  X(32, 64, 128, 32, 64, 64, 5, 32)             \
  X(64, 128, 128, 64, 64, 64, 4, 64)            \
  X(128, 128, 64, 64, 64, 64, 5, kAnyM)

// sm_75 has 64 KB of shared memory and no asynchronous copies: two stages.
#define WARPWRIGHT_INT8_SCALED_MM_SM75_TILES(X) \
  X(32, 64, 64, 32, 32, 64, 2, 32)              \
  X(64, 64, 64, 32, 32, 64, 2, 64)              \
  X(128, 128, 64, 64, 64, 64, 2, kAnyM)

#define WARPWRIGHT_FP8_SCALED_MM_SM89_TILES(X) \
  X(16, 64, 128, 16, 64, 64, 5, 16)            \
  X(32, 64, 128, 32, 64, 64, 5, 32)            \
  X(64, 128, 128, 64, 64, 64, 4, 64)           \
  X(128, 128, 64, 64, 64, 64, 5, kAnyM)

#define WARPWRIGHT_TILE_ROW(block_m, block_n, block_k, warp_m, warp_n, warp_k, stages, max_m) \
  {#block_m "x" #block_n "x" #block_k "_s" #stages, max_m, stages*(block_m + block_n) * block_k},

constexpr ScaledMmTile kInt8ScaledMmSm75Tiles[] = {WARPWRIGHT_INT8_SCALED_MM_SM75_TILES(WARPWRIGHT_TILE_ROW)};
constexpr ScaledMmTile kInt8ScaledMmSm80Tiles[] = {WARPWRIGHT_INT8_SCALED_MM_SM80_TILES(WARPWRIGHT_TILE_ROW)};
constexpr ScaledMmTile kFp8ScaledMmSm89Tiles[] = {WARPWRIGHT_FP8_SCALED_MM_SM89_TILES(WARPWRIGHT_TILE_ROW)};

#undef WARPWRIGHT_TILE_ROW

// The index of the first tile that serves the problem and fits the device, -1 where there is none.
template <int kCount>
constexpr int choose_scaled_mm_tile(const ScaledMmTile (&tiles)[kCount], const ScaledMmShape& shape) {
  for (int i = 0; i < kCount; ++i) {
    if (shape.m <= tiles[i].max_m && tiles[i].shared_memory <= shape.shared_memory_per_block) return i;
  }
  return -1;
}

}  // namespace warpwright
