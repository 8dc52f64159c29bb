#include "elementwise/activation.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/gelu_quick.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<ActivationLaunch> kPaths[] = {WARPWRIGHT_PATHS_gelu_quick};

void gelu_quick(const Tensor& out, const Tensor& input, std::optional<bool> enable_pdl) {
  const Arg input_arg{input, "input"};
  ActivationProblem problem = check_plain_activation({out, "out"}, input_arg);
  if (problem.rows == 0) return;

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  launch_dependent("gelu_quick", kPaths, scope, problem, enable_pdl, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(gelu_quick, "(Tensor! out, Tensor input, bool? enable_pdl=None) -> ()");

}  // namespace warpwright::torch_api
