// Activations of the elements of rows: the problem and its launchers, for fp16, bf16 and fp32 with arithmetic in fp32.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

struct ActivationProblem {
  void* out = nullptr;          // (rows, hidden), out_stride elements from row to row
  const void* input = nullptr;  // (rows, hidden), or (rows, 2 * hidden) where one half gates the other
  int64_t rows = 0, hidden = 0;
  int64_t out_stride = 0, input_stride = 0;
  Dtype dtype = Dtype::kBFloat16;
  bool dependent = false;  // programmatic dependent launch
};

using ActivationLaunch = Status(const ActivationProblem&, const Device&, cudaStream_t);

// out[r, i] = f(input[r, i]) * input[r, hidden + i].
// Method: Shazeer, "GLU Variants Improve Transformer", 2020 (arXiv:2002.05202).
ActivationLaunch silu_and_mul;
ActivationLaunch gelu_and_mul;
ActivationLaunch gelu_tanh_and_mul;

// out[r, i] = f(input[r, i]).
ActivationLaunch gelu_quick;
ActivationLaunch relu2;

}  // namespace warpwright
