#include "moe/sum_rows.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/moe_sum_reduce.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SumRowsLaunch> kPaths[] = {WARPWRIGHT_PATHS_moe_sum_reduce};

void moe_sum_reduce(const Tensor& input_tensor, const Tensor& output_tensor, double routed_scaling_factor) {
  const Arg input_arg{input_tensor, "input_tensor"}, out{output_tensor, "output_tensor"};
  SumRowsProblem problem = sum_of_topk(input_arg, out);
  if (problem.tokens == 0) return;

  LaunchScope scope(input_arg);
  problem.out = output_tensor.mutable_data_ptr();
  problem.scale = float(routed_scaling_factor);
  launch_dependent("moe_sum_reduce", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(moe_sum_reduce, "(Tensor input_tensor, Tensor! output_tensor, float routed_scaling_factor) -> ()");

}  // namespace warpwright::torch_api
