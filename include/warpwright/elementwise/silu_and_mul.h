// out[r, :] = silu(input[r, :hidden]) * input[r, hidden:]: the problem and its launcher.
// Method: the SwiGLU gate of Shazeer, "GLU Variants Improve Transformer", 2020 (arXiv:2002.05202), in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

struct SiluAndMulProblem {
  void* out = nullptr;          // (rows, hidden), out_stride elements from row to row
  const void* input = nullptr;  // (rows, 2 * hidden), input_stride elements from row to row
  int64_t rows = 0, hidden = 0;
  int64_t out_stride = 0, input_stride = 0;
  Dtype dtype = Dtype::kBFloat16;
};

using SiluAndMulLaunch = Status(const SiluAndMulProblem&, cudaStream_t);

SiluAndMulLaunch silu_and_mul;

}  // namespace warpwright
