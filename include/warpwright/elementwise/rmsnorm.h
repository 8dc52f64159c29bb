// out[r, :] = input[r, :] / sqrt(mean(input[r, :]^2) + eps) * weight: the problem and its launcher.
// Method: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019 (arXiv:1910.07467), sums in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

struct RmsNormProblem {
  void* out = nullptr;           // (rows, hidden), out_stride elements from row to row
  const void* input = nullptr;   // (rows, hidden), input_stride elements from row to row
  const void* weight = nullptr;  // (hidden)
  int64_t rows = 0, hidden = 0;
  int64_t out_stride = 0, input_stride = 0;
  float eps = 1e-6f;
  Dtype dtype = Dtype::kBFloat16;
};

using RmsNormLaunch = Status(const RmsNormProblem&, cudaStream_t);

RmsNormLaunch rmsnorm;

}  // namespace warpwright
