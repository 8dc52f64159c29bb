#include "elementwise/norm.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/elementwise/norm.h"
#include "warpwright/paths/gemma_fused_add_rmsnorm.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_gemma_fused_add_rmsnorm};

void gemma_fused_add_rmsnorm(const Tensor& input, const Tensor& residual, const Tensor& weight, double eps, std::optional<bool> enable_pdl) {
  const Arg input_arg{input, "input"};
  RowProblem problem = check_add_norm(input_arg, {residual, "residual"}, {weight, "weight"});
  if (problem.rows == 0) return;
  problem.eps = static_cast<float>(eps);
  problem.weight_offset = 1.f;

  LaunchScope scope(input_arg);
  problem.out = input.mutable_data_ptr();
  problem.residual = residual.mutable_data_ptr();
  launch_dependent("gemma_fused_add_rmsnorm", kPaths, scope, problem, enable_pdl, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(gemma_fused_add_rmsnorm,
                    "(Tensor! input, Tensor! residual, Tensor weight, float eps, bool? enable_pdl=None) -> ()");

}  // namespace warpwright::torch_api
