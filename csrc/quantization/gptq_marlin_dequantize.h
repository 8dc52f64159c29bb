// What gptq_marlin_gemm takes from gptq_marlin_dequantize.
#pragma once

#include "torch/launch.h"
#include "warpwright/quantization/int4.h"

namespace warpwright::torch_api {

// The weights in full, (k, n) in the dtype of their scales.
Tensor dequantize_marlin(LaunchScope& scope, const Arg& scales, DequantizeProblem problem);

}  // namespace warpwright::torch_api
