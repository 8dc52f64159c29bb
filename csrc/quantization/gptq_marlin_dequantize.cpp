#include "quantization/gptq_marlin_dequantize.h"

#include "quantization/marlin_arguments.h"
#include "torch/operator.h"
#include "warpwright/paths/gptq_marlin_dequantize.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DequantizeLaunch> kPaths[] = {WARPWRIGHT_PATHS_gptq_marlin_dequantize};

Tensor gptq_marlin_dequantize(const Tensor& b_q_weight, const Tensor& b_scales, const std::optional<Tensor>& b_zeros,
                              const std::optional<Tensor>& g_idx) {
  const MarlinArguments args(b_q_weight, b_scales, b_zeros, g_idx);
  const DequantizeProblem problem = check_marlin(args);
  LaunchScope scope(args.weights);
  return dequantize_marlin(scope, args.scales, problem);
}

}  // namespace

Tensor dequantize_marlin(LaunchScope& scope, const Arg& scales, DequantizeProblem problem) {
  Tensor out = scope.empty(scales.dtype_number(), problem.k, problem.n);
  if (problem.k == 0 || problem.n == 0) return out;
  problem.out = out.mutable_data_ptr();
  launch("gptq_marlin_dequantize", kPaths, scope, problem);
  return out;
}

WARPWRIGHT_OPERATOR(gptq_marlin_dequantize,
                    "(Tensor b_q_weight, Tensor b_scales, Tensor? b_zeros, Tensor? g_idx) -> Tensor");

}  // namespace warpwright::torch_api
