// out[m, n] = cast(sum_k a[m, k] * b[k, n] * scale_a[m, k / 128] * scale_b[k / 128, n / 128]): the problem, and its
// launchers.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

constexpr int64_t kScaleBlock = 128;  // elements of k, and of n in b, that share a scale; the last block may be partial

// Scales of blocks, at any strides.
struct BlockScales {
  const float* data = nullptr;
  int64_t outer = 0;  // elements from one row of a, or one block of n, to the next
  int64_t k = 0;      // elements from one block of k to the next
};

struct BlockwiseScaledMmProblem {
  const void* a = nullptr;  // (m, k) float8_e4m3, row-major, lda elements from row to row
  const void* b = nullptr;  // (k, n) float8_e4m3, column-major, ldb elements from column to column
  void* out = nullptr;      // (m, n), row-major and contiguous
  BlockScales scale_a;      // of each row of a and each block of k
  BlockScales scale_b;      // of each block of n and each block of k
  int64_t m = 0, n = 0, k = 0;
  int64_t lda = 0, ldb = 0;
  Dtype out_dtype = Dtype::kBFloat16;
  const char* tile = nullptr;  // a row of the SM's table by name, for tests and tuning; null: the table chooses
};

using BlockwiseScaledMmLaunch = Status(const BlockwiseScaledMmProblem&, const Device&, const Workspace&, cudaStream_t);

BlockwiseScaledMmLaunch fp8_blockwise_scaled_mm_sm90a;

}  // namespace warpwright
