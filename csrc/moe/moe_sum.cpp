#include "moe/sum_rows.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/moe_sum.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SumRowsLaunch> kPaths[] = {WARPWRIGHT_PATHS_moe_sum};

void moe_sum(const Tensor& input, const Tensor& output) {
  const Arg input_arg{input, "input"}, out{output, "output"};
  SumRowsProblem problem = sum_of_topk(input_arg, out);
  if (problem.tokens == 0) return;

  LaunchScope scope(input_arg);
  problem.out = output.mutable_data_ptr();
  launch_dependent("moe_sum", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(moe_sum, "(Tensor input, Tensor! output) -> ()");

}  // namespace warpwright::torch_api
