// The operands of a warp's steps on their way: a ring of stages in shared memory, filled a few steps ahead. A step is 16
// rows of k by 64 columns.
#pragma once

#include "warpwright/gemm/async_copy.cuh"
#include "warpwright/gemm/gptq_marlin_gemm.h"
#include "warpwright/gemm/gptq_marlin_gemm_tiles.h"
#include "warpwright/quantization/marlin_tile.cuh"

namespace warpwright {

// What one step needs, in registers.
template <int kTiles>
struct MarlinStep {
  uint32_t a[kTiles][4];
  uint4 weights;
  uint4 scales;  // of the columns of operand b, for the eight mma in turn
  uint32_t zeros;
};

// A stage: the weights, the tokens in tiles of 16, then the scales of the group and its zero points.
template <typename T, int kTiles, bool kZeros>
class MarlinRing {
 public:
  __device__ MarlinRing(const MarlinGemmProblem& p, int64_t m0, int64_t n0, int first, int steps, int lane,
                        const uint8_t* shared)
      : left_(steps), ring_(shared_address(shared)), lane_bytes_(16 * lane) {
    weights_ = reinterpret_cast<const uint4*>(p.weights) + (first * (p.n / 64) + n0 / 64) * 32 + lane;
    weights_step_ = p.n / 64 * 32;
    const int row = lane / 2;
    a_ = static_cast<const T*>(p.a) + (m0 + row) * p.lda + int64_t(first) * kMarlinRowsOfK + lane % 2 * 8;
    a_to_ = ring_ + 512 + lane % 2 * 256 + row * 16;
    tile_rows_ = 16 * p.lda;
    tokens_ = int(p.m - m0 - row);
    lane_scales_ = ring_ + kSide + lane / 4 * 16;
    lane_zeros_ = ring_ + kSide + kMarlinScaleBytes + lane / 4 * 4;
    start_group(p, n0, first, lane);
  }

  // Sets the next step's operands on their way, if there is one.
  __device__ __forceinline__ void fetch(int stage) {
    if (left_-- > 0) {
      const uint32_t skip = stage * marlin_stage_bytes(kTiles);
      copy_async(ring_ + lane_bytes_ + skip, weights_);
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
        copy_async(a_to_ + skip + 512 * tile, a_ + tile * tile_rows_, tokens_ > 16 * tile);
      }
      if (has_side_) copy_async(ring_ + lane_bytes_ + skip + kSide, side_);
      advance();
    }
    commit_copies();
  }

  __device__ __forceinline__ void read(MarlinStep<kTiles>& step, int stage) const {
    const uint32_t skip = stage * marlin_stage_bytes(kTiles);
    step.weights = load_shared(ring_ + lane_bytes_ + skip);
    step.scales = load_shared(lane_scales_ + skip);
    if constexpr (kZeros) step.zeros = load_shared_word(lane_zeros_ + skip);
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
      load_matrices(step.a[tile], ring_ + lane_bytes_ + skip + 512 * (tile + 1));
    }
  }

 private:
  static constexpr int kSide = 512 * (kTiles + 1);

  // Lanes 0 to 7 copy the scales of the group, lanes 8 and 9 its zero points.
  __device__ void start_group(const MarlinGemmProblem& p, int64_t n0, int first, int lane) {
    group_steps_ = int(p.k / kMarlinRowsOfK) / int(p.groups);
    const int group = first / group_steps_;
    left_in_group_ = group_steps_ - first % group_steps_;
    const auto* scales = static_cast<const T*>(p.scales);
    if (p.groups == 1) {
      keep_single_scales(marlin::single_scales(scales, n0, lane));
    } else if (lane < 8) {
      has_side_ = true;
      side_ = reinterpret_cast<const uint4*>(scales + group * p.n + n0) + lane;
      side_step_ = p.n * int64_t(sizeof(T)) / 16;
    }
    if (kZeros && (lane == 8 || lane == 9)) {
      has_side_ = true;
      side_ = reinterpret_cast<const uint4*>(p.zeros + group * (p.n / 8) + n0 / 8) + (lane - 8);
      side_step_ = p.n / 32;
    }
  }

  // Scales that serve all of k stay in all stages.
  __device__ void keep_single_scales(uint4 scales) {
    for (int stage = 0; stage < marlin_depth(kTiles); ++stage) {
      store_shared(lane_scales_ + stage * marlin_stage_bytes(kTiles), scales);
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
  int64_t weights_step_, tile_rows_, side_step_ = 0;
  int left_, left_in_group_, group_steps_;
  int tokens_;  // that there are from this lane's row on
  bool has_side_ = false;
  uint32_t ring_, lane_bytes_, a_to_, lane_scales_, lane_zeros_;
};

}  // namespace warpwright
