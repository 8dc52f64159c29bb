// The operands of a warp's steps on their way: a ring of stages in shared memory, filled a few steps ahead. A step is 16
// rows of k by the block's columns.
#pragma once

#include "warpwright/gemm/async_copy.cuh"
#include "warpwright/gemm/gptq_marlin_gemm.h"
#include "warpwright/gemm/gptq_marlin_gemm_tiles.h"
#include "warpwright/quantization/marlin_tile.cuh"

namespace warpwright {

template <typename T, int kTokens, bool kZeros>
class MarlinRing {
 public:
  static constexpr MarlinBlock kBlock = marlin_block(kTokens);
  static constexpr int kTiles = kBlock.tiles, kEights = kTokens / 8;

  __device__ MarlinRing(const MarlinGemmProblem& p, int64_t m0, int64_t n0, int first, int steps, int lane,
                        const uint8_t* shared)
      : left_(steps), tiles_left_(int(p.n - n0) / 64), ring_(shared_address(shared)), lane_bytes_(16 * lane) {
    weights_ = reinterpret_cast<const uint4*>(p.weights) + (first * (p.n / 64) + n0 / 64) * 32 + lane;
    weights_step_ = p.n / 64 * 32;
    const int row = lane / 2;
    a_ = static_cast<const T*>(p.a) + (m0 + row) * p.lda + int64_t(first) * kMarlinRowsOfK + lane % 2 * 8;
    a_to_ = ring_ + kBlock.tokens_at() + row / 8 * 256 + lane % 2 * 128 + row % 8 * 16;
    sixteen_rows_ = 16 * p.lda;
    tokens_ = int(p.m - m0 < kTokens ? p.m - m0 : kTokens) - row;
    start_group(p, n0, first, lane);
  }

  // Sets the next step's operands on their way, if there is one.
  __device__ __forceinline__ void fetch(int stage) {
    if (left_-- > 0) {
      const uint32_t skip = stage * kBlock.stage_bytes();
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
        if (tile < tiles_left_) copy_async(ring_ + lane_bytes_ + skip + 512 * tile, weights_ + 32 * tile);
      }
#pragma unroll
      for (int rows = 0; rows < kTokens; rows += 16) {
        if (kTokens > 8 || lane_bytes_ < 256) {
          copy_async_shared(a_to_ + skip + 32 * rows, a_ + rows / 16 * sixteen_rows_, tokens_ > rows);
        }
      }
      if (has_side_) copy_async(side_to_ + skip, side_);
      advance();
    }
    commit_copies();
  }

  __device__ __forceinline__ void read_weights(uint32_t (&words)[4], int stage, int tile) const {
    const uint4 four = load_shared(ring_ + lane_bytes_ + stage * kBlock.stage_bytes() + 512 * tile);
    words[0] = four.x, words[1] = four.y, words[2] = four.z, words[3] = four.w;
  }

  // Both halves of k for each eight tokens: operand b.
  __device__ __forceinline__ void read_tokens(uint32_t (&tokens)[kEights][2], int stage) const {
    const uint32_t at = ring_ + lane_bytes_ + stage * kBlock.stage_bytes() + kBlock.tokens_at();
    if constexpr (kTokens == 8) {
      load_two_matrices(tokens[0], at);
    } else {
#pragma unroll
      for (int i = 0; i < kEights; i += 2) load_four_matrices(tokens[i], tokens[i + 1], at + 256 * i);
    }
  }

  // The scales of the columns lane / 4 + 8 i of a tile, as `marlin::group_scales` gives them.
  __device__ __forceinline__ uint4 read_scales(int stage, int tile, int lane) const {
    return load_shared(ring_ + stage * kBlock.stage_bytes() + kBlock.scales_at() + 128 * tile + lane / 4 * 16);
  }

  __device__ __forceinline__ uint32_t read_zeros(int stage, int tile, int lane) const {
    return load_shared_word(ring_ + stage * kBlock.stage_bytes() + kBlock.zeros_at() + 32 * tile + lane / 4 * 4);
  }

 private:
  // The first lanes copy the scales of the group, 16 bytes each, and the next ones its zero points.
  __device__ void start_group(const MarlinGemmProblem& p, int64_t n0, int first, int lane) {
    constexpr int kScaleLanes = 8 * kTiles, kZeroLanes = kZeros ? 2 * kTiles : 0;
    group_steps_ = int(p.k / kMarlinRowsOfK) / int(p.groups);
    const int group = first / group_steps_;
    left_in_group_ = group_steps_ - first % group_steps_;
    const auto* scales = static_cast<const T*>(p.scales) + group * p.n + n0;
    if (p.groups == 1) keep_single_scales(static_cast<const T*>(p.scales), n0, lane);
    if (lane < kScaleLanes) {
      has_side_ = p.groups > 1 && lane / 8 < tiles_left_;
      side_ = reinterpret_cast<const uint4*>(scales) + lane;
      side_step_ = p.n * int64_t(sizeof(T)) / 16;
    } else if (lane < kScaleLanes + kZeroLanes) {
      const int zero_lane = lane - kScaleLanes;
      has_side_ = zero_lane / 2 < tiles_left_;
      side_ = reinterpret_cast<const uint4*>(p.zeros + group * (p.n / 8) + n0 / 8) + zero_lane;
      side_step_ = p.n / 32;
    }
    side_to_ = ring_ + kBlock.scales_at() + lane_bytes_;
  }

  // Scales that serve all of k stay in all stages.
  __device__ void keep_single_scales(const T* scales, int64_t n0, int lane) {
    for (int tile = 0; tile < kTiles && tile < tiles_left_; ++tile) {
      const uint4 own = marlin::single_scales(scales, n0 + 64 * tile, lane);
      for (int stage = 0; stage < kBlock.depth; ++stage) {
        store_shared(ring_ + stage * kBlock.stage_bytes() + kBlock.scales_at() + 128 * tile + lane / 4 * 16, own);
      }
    }
  }

  // Nothing is divided on the way.
  __device__ __forceinline__ void advance() {
    weights_ += weights_step_;
    a_ += kMarlinRowsOfK;
    if (--left_in_group_ > 0) return;
    left_in_group_ = group_steps_;
    side_ += side_step_;
  }

  const uint4* weights_;
  const uint4* side_ = nullptr;
  const T* a_;
  int64_t weights_step_, sixteen_rows_, side_step_ = 0;
  int left_, left_in_group_, group_steps_;
  int tiles_left_;  // of 64 columns, from the block's first on
  int tokens_;      // of the block, from this lane's row on
  bool has_side_ = false;  // of scales and zero points, for this lane to copy
  uint32_t ring_, lane_bytes_, a_to_, side_to_;
};

}  // namespace warpwright
