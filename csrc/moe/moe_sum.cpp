#include "moe/sum_rows.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/moe_sum.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SumRowsLaunch> kPaths[] = {WARPWRIGHT_PATHS_moe_sum};

void moe_sum(const Tensor& input_tensor, const Tensor& output_tensor) {
  const Arg input_arg{input_tensor, "input_tensor"}, out{output_tensor, "output_tensor"};
  SumRowsProblem problem = sum_of_topk(input_arg, out);
  if (problem.tokens == 0) return;

  LaunchScope scope(input_arg);
  problem.out = output_tensor.mutable_data_ptr();
  launch_dependent("moe_sum", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(moe_sum, "(Tensor input_tensor, Tensor! output_tensor) -> ()");

}  // namespace warpwright::torch_api
