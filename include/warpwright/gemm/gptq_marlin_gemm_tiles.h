// How a weight-only product is cut up: a pure function from the problem to a plan.
#pragma once

#include <cstdint>

#include "warpwright/quantization/marlin_layout.h"

namespace warpwright {

constexpr int kMarlinWarps = 8;  // of a block, which share its rows of k
constexpr int kMarlinThreads = 32 * kMarlinWarps;
constexpr int kMarlinRowsOfK = 16;      // of one step of a warp
constexpr int kMarlinLargestSplit = 8;  // blocks of a cluster, the portable limit

// What follows from the tokens of a block: 8, 16 or 32. A block's columns are tiles of 64.
struct MarlinBlock {
  int tokens, tiles;
  int depth;          // steps that a warp is ahead with its operands
  int blocks_per_sm;  // by the registers that the kernels are compiled for

  WARPWRIGHT_HOST_DEVICE constexpr int columns() const { return 64 * tiles; }

  // One step's operands in shared memory: the weights, the tokens, then each tile's scales and zero points.
  WARPWRIGHT_HOST_DEVICE constexpr int tokens_at() const { return 512 * tiles; }
  WARPWRIGHT_HOST_DEVICE constexpr int scales_at() const { return tokens_at() + 32 * tokens; }
  WARPWRIGHT_HOST_DEVICE constexpr int zeros_at() const { return scales_at() + 128 * tiles; }
  WARPWRIGHT_HOST_DEVICE constexpr int stage_bytes() const { return zeros_at() + 32 * tiles; }

  // Tiles whose sums the warps add up at once; rows of sums, one for each token, are four columns out of step with the
  // banks.
  WARPWRIGHT_HOST_DEVICE constexpr int sum_tiles() const { return tokens == 32 ? 1 : tiles; }
  WARPWRIGHT_HOST_DEVICE constexpr int sum_columns() const { return 64 * sum_tiles(); }
  WARPWRIGHT_HOST_DEVICE constexpr int sum_stride() const { return sum_columns() + 4; }
  WARPWRIGHT_HOST_DEVICE constexpr int sums() const { return tokens * sum_stride(); }

  // The rings of the warps, and in their place the warps' sums later on.
  WARPWRIGHT_HOST_DEVICE constexpr int shared_bytes() const {
    const int rings = kMarlinWarps * depth * stage_bytes(), all_sums = kMarlinWarps * sums() * 4;
    return rings > all_sums ? rings : all_sums;
  }
};

WARPWRIGHT_HOST_DEVICE constexpr MarlinBlock marlin_block(int tokens) {
  return MarlinBlock{tokens, 2, 4, tokens == 32 ? 1 : 2};
}

struct MarlinGemmPlan {
  MarlinBlock block{};
  int split = 1;  // blocks that share the k of one tile of out
  int64_t n_blocks = 0, m_blocks = 0;
  int steps = 0;  // of 16 rows of k, of one warp
};

namespace marlin {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Times in steps of a warp, a third of a microsecond on an H100. Alone, a block takes as long as its start and its steps,
// and those that share k meet in the end; all together take as long as the weights do, by the bytes that an SM gets in a
// step.
constexpr int64_t block_time(int64_t steps, int split) { return 16 + (split > 1 ? 6 : 0) + steps; }
constexpr int64_t weights_time(int64_t n, int64_t k, int sm_count) { return 23 + n * k / 2 / (int64_t(sm_count) * 5700); }

constexpr int64_t steps_of_warp(int64_t k, int split) {
  return ceil_div(ceil_div(k / kMarlinRowsOfK, split), kMarlinWarps);
}

}  // namespace marlin

constexpr MarlinGemmPlan plan_marlin_gemm(int64_t m, int64_t n, int64_t k, int sm_count) {
  MarlinGemmPlan plan;
  plan.block = marlin_block(m > 16 ? 32 : m > 8 ? 16 : 8);
  plan.n_blocks = marlin::ceil_div(n, plan.block.columns());
  plan.m_blocks = marlin::ceil_div(m, plan.block.tokens);
  // k is split until the weights take longer than a block, as long as all blocks run at once.
  const int64_t tiles = plan.n_blocks * plan.m_blocks, places = int64_t(sm_count) * plan.block.blocks_per_sm;
  const int64_t wanted = marlin::weights_time(n, k, sm_count);
  while (marlin::block_time(marlin::steps_of_warp(k, plan.split), plan.split) > wanted) {
    const int next = plan.split + 1;
    if (next > kMarlinLargestSplit || tiles * next > places || next * kMarlinWarps * kMarlinRowsOfK > k) break;
    plan.split = next;
  }
  plan.steps = int(marlin::steps_of_warp(k, plan.split));
  return plan;
}

}  // namespace warpwright
