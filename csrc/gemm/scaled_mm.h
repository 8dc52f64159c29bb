// What int8_scaled_mm and fp8_scaled_mm share: the checks of the arguments, the output, and the launch.
#pragma once

#include <optional>

#include "torch/arg.h"
#include "warpwright/gemm/scaled_mm.h"

namespace warpwright::torch_api {

struct ScaledMmArguments {
  const Tensor& mat_a;
  const Tensor& mat_b;
  const Tensor& scales_a;
  const Tensor& scales_b;
  ScalarType out_dtype;
  const std::optional<Tensor>& bias;
};

// Checks the arguments, allocates the output, and launches the newest path of the table that the device can run.
Tensor scaled_mm(const char* op, ScalarType element, const SmPath<ScaledMmLaunch>* paths,
                 const ScaledMmArguments& args);

}  // namespace warpwright::torch_api
