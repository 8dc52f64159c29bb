// out[m, n] = cast(sum_k a[m, k] * b[k, n] * scale_b[n] * scale_a[m] + bias[n]): the problem, and its launchers.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

// A scale vector with one element per row of its matrix, or one for all of them.
struct Scale {
  const float* data = nullptr;
  bool per_tensor = false;
};

struct ScaledMmProblem {
  const void* a = nullptr;     // (m, k), row-major, lda elements from row to row
  const void* b = nullptr;     // (k, n), column-major, ldb elements from column to column
  void* out = nullptr;         // (m, n), row-major and contiguous
  const void* bias = nullptr;  // n elements of out_dtype, or null
  Scale scale_a;               // m elements, or 1
  Scale scale_b;               // n elements, or 1
  int64_t m = 0, n = 0, k = 0;
  int64_t lda = 0, ldb = 0;
  Dtype out_dtype = Dtype::kBFloat16;
  const char* tile = nullptr;  // a row of the SM's table by name, for tests and tuning; null: the table chooses
};

using ScaledMmLaunch = Status(const ScaledMmProblem&, const Device&, const Workspace&, cudaStream_t);

ScaledMmLaunch int8_scaled_mm_sm75;
ScaledMmLaunch int8_scaled_mm_sm80;
ScaledMmLaunch int8_scaled_mm_sm90a;
ScaledMmLaunch fp8_scaled_mm_sm89;
ScaledMmLaunch fp8_scaled_mm_sm90a;

}  // namespace warpwright
