#include "elementwise/activation.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/gelu_and_mul.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<ActivationLaunch> kPaths[] = {WARPWRIGHT_PATHS_gelu_and_mul};

void gelu_and_mul(const Tensor& out, const Tensor& input, std::optional<bool> enable_pdl) {
  const Arg input_arg{input, "input"};
  ActivationProblem problem = check_gated_activation({out, "out"}, input_arg);
  if (problem.rows == 0) return;

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  launch_dependent("gelu_and_mul", kPaths, scope, problem, enable_pdl, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(gelu_and_mul, "(Tensor! out, Tensor input, bool? enable_pdl=None) -> ()");

}  // namespace warpwright::torch_api
