// out[m, n] = cast(sum_k a[m, k] * w[k, n]) with w = (weight - zero) * scale in a's type: the problem, its launchers.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

struct MarlinGemmProblem {
  void* out = nullptr;               // (m, n), row-major, ldo elements from row to row
  const void* a = nullptr;           // (m, k), row-major, lda elements from row to row, both of dtype
  const int32_t* weights = nullptr;  // Marlin's order
  const void* scales = nullptr;      // (groups, n) of dtype, Marlin's order
  const int32_t* zeros = nullptr;    // (groups, n / 8), Marlin's order; null: every zero point is 8
  int64_t m = 0, n = 0, k = 0, groups = 0;
  int64_t lda = 0, ldo = 0;
  Dtype dtype = Dtype::kFloat16;
};

using MarlinGemmLaunch = Status(const MarlinGemmProblem&, const Device&, const Workspace&, cudaStream_t);

MarlinGemmLaunch gptq_marlin_gemm_sm80;
MarlinGemmLaunch gptq_marlin_gemm_sm90a;

}  // namespace warpwright
