#include "elementwise/norm.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/elementwise/norm.h"
#include "warpwright/paths/layernorm.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_layernorm};

void layernorm(const Tensor& out, const Tensor& input, const Tensor& gemma, const Tensor& beta, double eps,
               std::optional<bool> enable_pdl) {
  const Arg input_arg{input, "input"};
  RowProblem problem = check_layernorm({out, "out"}, input_arg, {gemma, "gemma"}, {beta, "beta"});
  if (problem.rows == 0) return;
  problem.eps = static_cast<float>(eps);

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  launch_dependent("layernorm", kPaths, scope, problem, enable_pdl, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(layernorm, "(Tensor! out, Tensor input, Tensor gemma, Tensor beta, float eps, "
                               "bool? enable_pdl=None) -> ()");

}  // namespace warpwright::torch_api
