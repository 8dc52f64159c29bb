#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/moe/router_gemm.h"
#include "warpwright/paths/dsv3_router_gemm.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RouterGemmLaunch> kPaths[] = {WARPWRIGHT_PATHS_dsv3_router_gemm};
constexpr int64_t kMostExpertRows = int64_t{1} << 28;  // blocks of a grid

void check(const Arg& hidden_states, const Arg& router_weights, ScalarType out_dtype) {
  check_same_device(router_weights, hidden_states);
  check_dim(hidden_states, 2);
  check_dim(router_weights, 2);
  check_dtype(hidden_states, {ScalarType::Half, ScalarType::BFloat16});
  check_same_dtype(router_weights, hidden_states);
  check_dtype_value("out_dtype", out_dtype, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_size(router_weights, 1, hidden_states.size(1), "that of hidden_states");
  check_at_most("the number of rows of router_weights", router_weights.size(0), kMostExpertRows, "more are not supported");
  check_inner_stride(hidden_states);
  check_inner_stride(router_weights);
}

RouterGemmProblem problem_of(const Arg& hidden_states, const Arg& router_weights, ScalarType out_dtype) {
  RouterGemmProblem problem;
  problem.hidden_states = hidden_states.numel() == 0 ? nullptr : hidden_states.data();
  problem.weights = router_weights.numel() == 0 ? nullptr : router_weights.data();
  problem.dtype = to_dtype(hidden_states.dtype_number());
  problem.out_dtype = to_dtype(out_dtype);
  problem.tokens = hidden_states.size(0);
  problem.experts = router_weights.size(0);
  problem.hidden = hidden_states.size(1);
  problem.token_stride = hidden_states.size(0) > 1 ? hidden_states.stride(0) : 0;
  problem.expert_stride = router_weights.size(0) > 1 ? router_weights.stride(0) : 0;
  return problem;
}

Tensor dsv3_router_gemm(const Tensor& hidden_states, const Tensor& router_weights, ScalarType out_dtype) {
  const Arg states{hidden_states, "hidden_states"}, weights{router_weights, "router_weights"};
  check(states, weights, out_dtype);
  LaunchScope scope(states);
  const Tensor out = scope.empty(number_of(out_dtype), states.size(0), weights.size(0));
  if (out.numel() == 0) return out;

  RouterGemmProblem problem = problem_of(states, weights, out_dtype);
  problem.out = out.mutable_data_ptr();
  problem.path = path_for("dsv3_router_gemm", kPaths, scope.device()).sm;
  launch_dependent("dsv3_router_gemm", kPaths, scope, problem, std::nullopt);
  return out;
}

}  // namespace

WARPWRIGHT_OPERATOR(dsv3_router_gemm,
                    "(Tensor hidden_states, Tensor router_weights, ScalarType out_dtype) -> Tensor");

}  // namespace warpwright::torch_api
