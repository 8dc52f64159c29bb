// Fetches block scales into shared memory, asynchronously, at any strides: the work of one warp.
#pragma once

#include <cstdint>

#include "cute/arch/copy_sm80.hpp"
#include "cutlass/arch/barrier.h"
#include "warpwright/gemm/blockwise_scaled_mm.h"

namespace warpwright {

// The scales of one tile, block by block along k: those of kBlockM rows of a, and b's. Outside the matrices they are 0.
template <int kBlockM>
struct BlockScaleLoader {
  static constexpr int kEach = (kBlockM + 31) / 32;  // rows of a lane: lane, lane + 32, ...

  const float* a[kEach];
  const float* b;
  int64_t a_step, b_step;  // from one block of k to the next
  int rows;                // of a that the tile has
  int blocks;              // of k that are left

  __device__ __forceinline__ BlockScaleLoader(const BlockwiseScaledMmProblem& p, int64_t m, int64_t n, int block)
      : b(p.scale_b.data), a_step(p.scale_a.k), b_step(p.scale_b.k), rows(int(min(int64_t(kBlockM), p.m - m))),
        blocks(n < p.n ? int((p.k + kScaleBlock - 1) / kScaleBlock) - block : 0) {
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      a[i] = p.scale_a.data + (has(i) ? (m + row(i)) * p.scale_a.outer + block * a_step : 0);
    }
    if (blocks > 0) b += n / kScaleBlock * p.scale_b.outer + block * b_step;
  }

  __device__ __forceinline__ static int row(int i) { return threadIdx.x % 32 + i * 32; }
  __device__ __forceinline__ bool has(int i) const { return row(i) < rows; }

  // The next block's scales.
  __device__ __forceinline__ void fetch(float* a_to, float* b_to) {
    using Copy = cute::SM80_CP_ASYNC_CACHEALWAYS_ZFILL<float>;
    const bool inside = blocks-- > 0;
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      if (row(i) < kBlockM) Copy::copy(*a[i], a_to[row(i)], inside && has(i));
      if (has(i) && blocks > 0) a[i] += a_step;
    }
    if (threadIdx.x % 32 == 0) Copy::copy(*b, *b_to, inside);
    if (blocks > 0) b += b_step;
  }
};

}  // namespace warpwright
