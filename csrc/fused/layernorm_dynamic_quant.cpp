#include "fused/norm_quant.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/fused/norm_quant.h"
#include "warpwright/paths/layernorm_dynamic_quant.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_layernorm_dynamic_quant};

void layernorm_dynamic_quant(const Tensor& out, const Tensor& scales, const Tensor& input, const Tensor& gemma,
                             const Tensor& beta, double eps, std::optional<int64_t> group_size,
                             std::optional<bool> enable_pdl) {
  const Arg out_arg{out, "out"}, scales_arg{scales, "scales"}, input_arg{input, "input"}, weight_arg{gemma, "gemma"};
  const Arg bias_arg{beta, "beta"};
  NormQuant args{out_arg, scales_arg, input_arg, weight_arg};
  args.bias = &bias_arg;
  args.scale_of = scale_of(group_size);
  args.group = group_size.value_or(0);
  RowProblem problem = check_norm_quant(args);
  if (problem.rows == 0) return;
  problem.eps = static_cast<float>(eps);

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  problem.quantization.scales = scales.mutable_data_ptr();
  launch_dependent("layernorm_dynamic_quant", kPaths, scope, problem, enable_pdl, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(layernorm_dynamic_quant,
                    "(Tensor! out, Tensor! scales, Tensor input, Tensor gemma, Tensor beta, float eps, "
                    "int? group_size=None, bool? enable_pdl=None) -> ()");

}  // namespace warpwright::torch_api
