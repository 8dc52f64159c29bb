#include "elementwise/norm.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/elementwise/norm.h"
#include "warpwright/paths/gemma_rmsnorm.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_gemma_rmsnorm};

void gemma_rmsnorm(const Tensor& out, const Tensor& input, const Tensor& weight, double eps, std::optional<bool> enable_pdl) {
  const Arg input_arg{input, "input"};
  RowProblem problem = check_norm({out, "out"}, input_arg, {weight, "weight"});
  if (problem.rows == 0) return;
  problem.eps = static_cast<float>(eps);
  problem.weight_offset = 1.f;

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  launch_dependent("gemma_rmsnorm", kPaths, scope, problem, enable_pdl, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(gemma_rmsnorm, "(Tensor! out, Tensor input, Tensor weight, float eps, bool? enable_pdl=None) -> ()");

}  // namespace warpwright::torch_api
