// How a weight-only product is cut up: a pure function from the problem to a plan.
#pragma once

#include <cstdint>

#include "warpwright/quantization/marlin_layout.h"

namespace warpwright {

constexpr int kMarlinWarps = 8;       // of a block, which share its rows of k
constexpr int kMarlinColumns = 64;    // of a block
constexpr int kMarlinRowsOfK = 16;    // of one step of a warp
constexpr int kMarlinThreads = 32 * kMarlinWarps;
constexpr int kMarlinTile = 16 * kMarlinColumns;  // elements of out for 16 tokens
constexpr int kMarlinLargestSplit = 8;  // blocks of a cluster, the portable limit

struct MarlinGemmPlan {
  int m_tiles = 1;   // of 16 tokens in a block: 1 to 4, what the registers of a warp hold
  int split = 1;     // blocks that share the k of one tile of out
  int64_t n_blocks = 0, m_blocks = 0;
  int steps = 0;  // of 16 rows of k, of one warp
  int shared_bytes = 0;
};

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

constexpr int marlin_m_tiles(int64_t m) { return m > 48 ? 4 : m > 32 ? 3 : m > 16 ? 2 : 1; }

// The steps that a warp is ahead with its operands.
WARPWRIGHT_HOST_DEVICE constexpr int marlin_depth(int m_tiles) { return m_tiles == 1 ? 6 : 4; }

// One step's operands: 512 bytes of weights and of every 16 tokens, 64 scales and 64 zero points.
constexpr int kMarlinScaleBytes = 128, kMarlinZeroBytes = 32;
WARPWRIGHT_HOST_DEVICE constexpr int marlin_stage_bytes(int m_tiles) {
  return 512 * (1 + m_tiles) + kMarlinScaleBytes + kMarlinZeroBytes;
}

// The rings of the warps, and in their place the warps' sums later on.
constexpr int marlin_shared_bytes(int m_tiles) {
  const int rings = kMarlinWarps * marlin_depth(m_tiles) * marlin_stage_bytes(m_tiles);
  const int sums = kMarlinWarps * kMarlinTile * 4;
  return rings > sums ? rings : sums;
}

// Blocks that an SM holds at once, by the registers that the kernels are compiled for.
constexpr int marlin_blocks_per_sm(int m_tiles) { return m_tiles == 1 ? 2 : 1; }

// What a split costs, in steps of a warp: the rounds of blocks, each with its share of k and its start and end. A block
// of a split waits for the others, which costs another start.
constexpr int64_t marlin_cost(int64_t tiles, int64_t k_steps, int split, int64_t places) {
  constexpr int64_t kStart = 6;
  const int64_t steps = ceil_div(ceil_div(k_steps, split), kMarlinWarps);
  return ceil_div(tiles * split, places) * (steps + kStart * (split > 1 ? 2 : 1));
}

constexpr MarlinGemmPlan plan_marlin_gemm(int64_t m, int64_t n, int64_t k, int sm_count) {
  MarlinGemmPlan plan;
  plan.m_tiles = marlin_m_tiles(m);
  plan.n_blocks = n / kMarlinColumns;
  plan.m_blocks = ceil_div(m, 16 * plan.m_tiles);
  const int64_t k_steps = k / kMarlinRowsOfK, tiles = plan.n_blocks * plan.m_blocks;
  const int64_t places = int64_t(sm_count) * marlin_blocks_per_sm(plan.m_tiles);
  for (int split = 2; split <= kMarlinLargestSplit; split *= 2) {
    if (split * kMarlinWarps > k_steps) break;
    if (marlin_cost(tiles, k_steps, split, places) < marlin_cost(tiles, k_steps, plan.split, places)) plan.split = split;
  }
  plan.steps = int(ceil_div(ceil_div(k_steps, plan.split), kMarlinWarps));
  plan.shared_bytes = marlin_shared_bytes(plan.m_tiles);
  return plan;
}

}  // namespace warpwright
