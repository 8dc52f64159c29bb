#include <torch/csrc/stable/ops.h>

#include "quantization/marlin_arguments.h"
#include "quantization/quantization.h"
#include "torch/launch.h"
#include "warpwright/paths.h"
#include "warpwright/quantization/int4.h"

namespace warpwright::torch_api {

namespace {
constexpr SmPath<DequantizeLaunch> kPaths[] = {WARPWRIGHT_PATHS_gptq_marlin_dequantize(WARPWRIGHT_PATH){}};
}

Tensor dequantize_marlin(LaunchScope& scope, const Tensor& b_scales, const MarlinWeights& weights) {
  Tensor out = torch::stable::new_empty(b_scales, {weights.k, weights.n});
  if (out.numel() == 0) return out;
  DequantizeProblem problem;
  problem.out = out.mutable_data_ptr();
  problem.weights = weights.weights;
  problem.scales = weights.scales;
  problem.zeros = weights.zeros;
  problem.g_idx = weights.g_idx;
  problem.k = weights.k;
  problem.n = weights.n;
  problem.groups = weights.groups;
  problem.dtype = to_dtype(b_scales.scalar_type());
  const auto& path = path_for("gptq_marlin_dequantize", kPaths, scope.device());
  check_launch("gptq_marlin_dequantize", path.launch(problem, scope.stream()));
  return out;
}

Tensor gptq_marlin_dequantize(const Tensor& b_q_weight, const Tensor& b_scales, std::optional<Tensor> b_zeros,
                              std::optional<Tensor> g_idx) {
  const MarlinWeights weights = check_marlin_weights(b_q_weight, b_scales, b_zeros, g_idx);
  LaunchScope scope(b_q_weight);
  return dequantize_marlin(scope, b_scales, weights);
}

}  // namespace warpwright::torch_api
