// Weights of 4 bits: from a checkpoint's order to Marlin's, and back to fp16 and bf16.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

// out[k, n] = (weight - zero) * scale of the group of k, rounded once.
struct DequantizeProblem {
  void* out = nullptr;               // (k, n), contiguous
  const int32_t* weights = nullptr;  // AWQ: (k, n / 8), or Marlin's order
  const void* scales = nullptr;      // (groups, n), of out's dtype
  const int32_t* zeros = nullptr;    // (groups, n / 8); null: every zero point is 8
  const int32_t* g_idx = nullptr;    // Marlin's order: the group of each row of k; null: groups of equal size, in order
  int64_t k = 0, n = 0, groups = 0;
  Dtype dtype = Dtype::kFloat16;
};

struct RepackProblem {
  int32_t* out = nullptr;            // (k / 16, 2 n), Marlin's order
  const int32_t* weights = nullptr;  // AWQ: (k, n / 8); GPTQ: (k / 8, n)
  const int32_t* perm = nullptr;     // the source row of each row of out, or null
  int32_t* outside = nullptr;        // with perm: receives the first position whose row is outside k, if there is one
  int64_t k = 0, n = 0;
};

// out[m, k] = a[m, perm[k]], of any type of 16 bits; NaN where perm leaves k. Without perm, a in rows of its own.
struct GatherColumnsProblem {
  void* out = nullptr;            // (m, k), contiguous
  const void* a = nullptr;        // (m, k), lda elements from row to row
  const int32_t* perm = nullptr;  // (k), or null
  int64_t m = 0, k = 0, lda = 0;
};

using DequantizeLaunch = Status(const DequantizeProblem&, cudaStream_t);
using RepackLaunch = Status(const RepackProblem&, cudaStream_t);
using GatherColumnsLaunch = Status(const GatherColumnsProblem&, cudaStream_t);

DequantizeLaunch awq_dequantize;
DequantizeLaunch gptq_marlin_dequantize;
RepackLaunch gptq_marlin_repack;
RepackLaunch awq_marlin_repack;

// Part of the unit of gptq_marlin_dequantize, and so there wherever that is.
GatherColumnsLaunch gptq_marlin_gather_columns;

}  // namespace warpwright
