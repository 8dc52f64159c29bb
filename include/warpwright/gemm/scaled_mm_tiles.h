// Which tile a scaled matrix product uses on the SMs before sm_90a: a pure host function from the problem to a row of
// the SM's table. No CUDA header is needed, so the unit tests compile it with the host compiler alone.
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

constexpr int64_t kAnyM = INT64_MAX;

// A row's name, which WARPWRIGHT_FORCE_TILE takes, is <BLOCK_M>x<BLOCK_N>x<BLOCK_K>_s<stages>.
struct ScaledMmTile {
  const char* name = "";
  int block_m = 0, block_n = 0, block_k = 0;  // of a CTA: rows of out, columns of out, elements of k in one stage
  int warp_m = 0, warp_n = 0, warp_k = 0;
  int stages = 0;
  int64_t max_m = kAnyM;  // the tile serves problems of up to this many rows

  constexpr int shared_memory() const { return stages * (block_m + block_n) * block_k; }  // eight bits per element
};

// sm_75 has 64 KB of shared memory and no asynchronous copies: two stages.
inline constexpr ScaledMmTile kInt8ScaledMmSm75Tiles[] = {
    {.name = "32x64x64_s2", .block_m = 32, .block_n = 64, .block_k = 64,
     .warp_m = 32, .warp_n = 32, .warp_k = 64, .stages = 2, .max_m = 32},
    {.name = "64x64x64_s2", .block_m = 64, .block_n = 64, .block_k = 64,
     .warp_m = 32, .warp_n = 32, .warp_k = 64, .stages = 2, .max_m = 64},
    {.name = "128x128x64_s2", .block_m = 128, .block_n = 128, .block_k = 64,
     .warp_m = 64, .warp_n = 64, .warp_k = 64, .stages = 2, .max_m = kAnyM},
};

inline constexpr ScaledMmTile kInt8ScaledMmSm80Tiles[] = {
    {.name = "16x64x128_s5", .block_m = 16, .block_n = 64, .block_k = 128,
     .warp_m = 16, .warp_n = 64, .warp_k = 64, .stages = 5, .max_m = 16},
    {.name = "32x64x128_s5", .block_m = 32, .block_n = 64, .block_k = 128,
     .warp_m = 32, .warp_n = 64, .warp_k = 64, .stages = 5, .max_m = 32},
    {.name = "64x128x128_s4", .block_m = 64, .block_n = 128, .block_k = 128,
     .warp_m = 64, .warp_n = 64, .warp_k = 64, .stages = 4, .max_m = 64},
    {.name = "128x128x64_s5", .block_m = 128, .block_n = 128, .block_k = 64,
     .warp_m = 64, .warp_n = 64, .warp_k = 64, .stages = 5, .max_m = kAnyM},
};

inline constexpr ScaledMmTile kFp8ScaledMmSm89Tiles[] = {
    {.name = "16x64x128_s5", .block_m = 16, .block_n = 64, .block_k = 128,
     .warp_m = 16, .warp_n = 64, .warp_k = 64, .stages = 5, .max_m = 16},
    {.name = "32x64x128_s5", .block_m = 32, .block_n = 64, .block_k = 128,
     .warp_m = 32, .warp_n = 64, .warp_k = 64, .stages = 5, .max_m = 32},
    {.name = "64x128x128_s4", .block_m = 64, .block_n = 128, .block_k = 128,
     .warp_m = 64, .warp_n = 64, .warp_k = 64, .stages = 4, .max_m = 64},
    {.name = "128x128x64_s5", .block_m = 128, .block_n = 128, .block_k = 64,
     .warp_m = 64, .warp_n = 64, .warp_k = 64, .stages = 5, .max_m = kAnyM},
};

// The index of the first tile that serves the problem and fits the device, -1 where there is none.
template <int kCount>
constexpr int choose_scaled_mm_tile(const ScaledMmTile (&tiles)[kCount], const ScaledMmShape& shape) {
  for (int i = 0; i < kCount; ++i) {
    if (shape.m <= tiles[i].max_m && tiles[i].shared_memory() <= shape.shared_memory_per_block) return i;
  }
  return -1;
}

}  // namespace warpwright
