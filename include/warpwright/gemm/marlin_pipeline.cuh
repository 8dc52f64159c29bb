// A warp's pipeline: the stages of its operands in shared memory, filled a few blocks of k ahead by cp.async. A block
// of k is 16 rows of k by the CTA's columns.
#pragma once

#include <cstddef>

#include "warpwright/gemm/async_copy.cuh"
#include "warpwright/gemm/gptq_marlin_gemm.h"
#include "warpwright/gemm/gptq_marlin_gemm_tiles.h"
#include "warpwright/quantization/marlin_tile.cuh"

namespace warpwright {

template <typename T, int kBlockM, bool kZeros>
class MarlinPipeline {
 public:
  using Stage = MarlinStage<kBlockM>;
  static constexpr int kTilesN = Stage::kTilesN, kRowGroups = kBlockM / 8;

  __device__ MarlinPipeline(const MarlinGemmProblem& p, int64_t m0, int64_t n0, int first, int k_blocks, int lane,
                            const uint8_t* stages)
      : left_(k_blocks), tiles_left_(int(p.n - n0) / 64), stages_(shared_address(stages)), lane_bytes_(16 * lane) {
    b_ = reinterpret_cast<const uint4*>(p.weights) + (first * (p.n / 64) + n0 / 64) * 32 + lane;
    b_step_ = p.n / 64 * 32;
    const int row = lane / 2;
    a_ = static_cast<const T*>(p.a) + (m0 + row) * p.lda + int64_t(first) * kMarlinWarpK + lane % 2 * 8;
    a_to_ = stages_ + kA + row / 8 * kRowGroupBytes + lane % 2 * kMatrixBytes + row % 8 * 16;
    sixteen_rows_ = 16 * p.lda;
    rows_ = int(p.m - m0 < kBlockM ? p.m - m0 : kBlockM) - row;
    start_group(p, n0, first, lane);
  }

  // Sets the next block's operands on their way, if there is one.
  __device__ __forceinline__ void fetch(int stage) {
    if (left_-- > 0) {
      const uint32_t skip = stage * kStageBytes;
#pragma unroll
      for (int tile = 0; tile < kTilesN; ++tile) {
        if (tile < tiles_left_) copy_async(stages_ + lane_bytes_ + skip + kTileBytes * tile, b_ + 32 * tile);
      }
#pragma unroll
      for (int rows = 0; rows < kBlockM; rows += 16) {
        if (kBlockM > 8 || lane_bytes_ < 256) {
          copy_async_shared(a_to_ + skip + rows / 8 * kRowGroupBytes, a_ + rows / 16 * sixteen_rows_, rows_ > rows);
        }
      }
      if (has_side_) copy_async(side_to_ + skip, side_);
      advance();
    }
    commit_copies();
  }

  __device__ __forceinline__ void read_b(uint32_t (&words)[4], int stage, int tile) const {
    const uint4 four = load_shared(stages_ + lane_bytes_ + stage * kStageBytes + kTileBytes * tile);
    words[0] = four.x, words[1] = four.y, words[2] = four.z, words[3] = four.w;
  }

  // Both halves of k for each eight rows: the tensor core's operand B.
  __device__ __forceinline__ void read_a(uint32_t (&rows)[kRowGroups][2], int stage) const {
    const uint32_t at = stages_ + lane_bytes_ + stage * kStageBytes + kA;
    if constexpr (kBlockM == 8) {
      load_two_matrices(rows[0], at);
    } else {
#pragma unroll
      for (int i = 0; i < kRowGroups; i += 2) load_four_matrices(rows[i], rows[i + 1], at + kRowGroupBytes * i);
    }
  }

  // The scales of the columns lane / 4 + 8 i of a tile, as `marlin::group_scales` gives them.
  __device__ __forceinline__ uint4 read_scales(int stage, int tile, int lane) const {
    return load_shared(stages_ + stage * kStageBytes + kScales + kTileScaleBytes * tile + lane / 4 * 16);
  }

  __device__ __forceinline__ uint32_t read_zeros(int stage, int tile, int lane) const {
    return load_shared_word(stages_ + stage * kStageBytes + kZeroPoints + kTileZeroBytes * tile + lane / 4 * 4);
  }

 private:
  // Where things lie in a stage: cp.async and ldmatrix take addresses of 32 bits, so offsets stand here for members.
  static constexpr int kStageBytes = sizeof(Stage), kTileBytes = sizeof(Stage::b[0]);
  static constexpr int kA = offsetof(Stage, a);
  static constexpr int kRowGroupBytes = sizeof(Stage::a[0]), kMatrixBytes = sizeof(Stage::a[0][0]);
  static constexpr int kScales = offsetof(Stage, scales), kTileScaleBytes = sizeof(Stage::scales[0]);
  static constexpr int kZeroPoints = offsetof(Stage, zeros), kTileZeroBytes = sizeof(Stage::zeros[0]);

  // The first lanes copy the scales of the group, 16 bytes each, and the next ones its zero points.
  __device__ void start_group(const MarlinGemmProblem& p, int64_t n0, int first, int lane) {
    constexpr int kScaleLanes = 8 * kTilesN, kZeroLanes = kZeros ? 2 * kTilesN : 0;
    group_blocks_ = int(p.k / kMarlinWarpK) / int(p.groups);
    const int group = first / group_blocks_;
    left_in_group_ = group_blocks_ - first % group_blocks_;
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
    side_to_ = stages_ + kScales + lane_bytes_;  // the zero points stand behind the scales
    static_assert(kZeroPoints == kScales + 16 * kScaleLanes);
  }

  // Scales that serve all of k stay in all stages.
  __device__ void keep_single_scales(const T* scales, int64_t n0, int lane) {
    for (int tile = 0; tile < kTilesN && tile < tiles_left_; ++tile) {
      const uint4 own = marlin::single_scales(scales, n0 + 64 * tile, lane);
      for (int stage = 0; stage < MarlinTileOf<kBlockM>::kTile.stages; ++stage) {
        store_shared(stages_ + stage * kStageBytes + kScales + kTileScaleBytes * tile + lane / 4 * 16, own);
      }
    }
  }

  // Nothing is divided on the way.
  __device__ __forceinline__ void advance() {
    b_ += b_step_;
    a_ += kMarlinWarpK;
    if (--left_in_group_ > 0) return;
    left_in_group_ = group_blocks_;
    side_ += side_step_;
  }

  const uint4* b_;
  const uint4* side_ = nullptr;
  const T* a_;
  int64_t b_step_, sixteen_rows_, side_step_ = 0;
  int left_, left_in_group_, group_blocks_;  // blocks of k
  int tiles_left_;  // of 64 columns, from the CTA's first on
  int rows_;        // of the CTA's tile, from this lane's row on
  bool has_side_ = false;  // of scales and zero points, for this lane to copy
  uint32_t stages_, lane_bytes_, a_to_, side_to_;
};

}  // namespace warpwright
