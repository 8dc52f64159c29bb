#include "fused/norm_quant.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/fused/norm_quant.h"
#include "warpwright/paths/fused_add_rmsnorm_quant.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_fused_add_rmsnorm_quant};

void fused_add_rmsnorm_quant(const Tensor& out, const Tensor& input, const Tensor& residual, const Tensor& weight,
                             const Tensor& scale, double eps, std::optional<bool> enable_pdl) {
  const Arg out_arg{out, "out"}, scales_arg{scale, "scale"}, input_arg{input, "input"}, weight_arg{weight, "weight"};
  const Arg residual_arg{residual, "residual"};
  NormQuant args{out_arg, scales_arg, input_arg, weight_arg};
  args.residual = &residual_arg;
  RowProblem problem = check_norm_quant(args);
  if (problem.rows == 0) return;
  problem.eps = static_cast<float>(eps);

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  problem.residual = residual.mutable_data_ptr();
  launch_dependent("fused_add_rmsnorm_quant", kPaths, scope, problem, enable_pdl, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(fused_add_rmsnorm_quant,
                    "(Tensor! out, Tensor input, Tensor! residual, Tensor weight, Tensor scale, "
                    "float eps, bool? enable_pdl=None) -> ()");

}  // namespace warpwright::torch_api
