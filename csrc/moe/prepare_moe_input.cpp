#include <vector>

#include "moe/expert_order.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/prepare_moe_input.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<ExpertOrderLaunch> kPaths[] = {WARPWRIGHT_PATHS_prepare_moe_input};
constexpr int64_t kMostSize = (int64_t{1} << 30) - 1;  // twice of which is an int32

struct Outputs {
  Arg offsets, sizes1, sizes2, input_permutation, output_permutation;
  std::optional<Arg> scale_offsets;
};

void check_sizes(const Arg& topk_ids, const Outputs& outs, int64_t num_experts) {
  const char* more = "one more than experts";
  check_order_output(outs.offsets, topk_ids, 1);
  check_size(outs.offsets, 0, num_experts + 1, more);
  if (outs.scale_offsets.has_value()) {
    check_order_output(*outs.scale_offsets, topk_ids, 1);
    check_size(*outs.scale_offsets, 0, num_experts + 1, more);
  }
  for (const Arg* sizes : {&outs.sizes1, &outs.sizes2}) {
    check_order_output(*sizes, topk_ids, 2);
    check_size(*sizes, 0, num_experts, "one for each expert");
    check_size(*sizes, 1, 3, "M, N and K");
  }
  for (const Arg* permutation : {&outs.input_permutation, &outs.output_permutation}) {
    check_order_output(*permutation, topk_ids, 1);
    check_size(*permutation, 0, topk_ids.numel(), "one for each element of topk_ids");
  }
}

void check(const Arg& topk_ids, const Outputs& outs, int64_t num_experts, int64_t n, int64_t k) {
  check_expert_ids(topk_ids, num_experts);
  check_dim(topk_ids, 2);
  check_at_least("n", n, 0);
  check_at_most("n", n, kMostSize, "sizes have to be int32");
  check_at_least("k", k, 0);
  check_at_most("k", k, kMostSize, "sizes have to be int32");
  check_sizes(topk_ids, outs, num_experts);
  std::vector<const Arg*> written = {&outs.offsets};
  if (outs.scale_offsets.has_value()) written.push_back(&*outs.scale_offsets);
  for (const Arg* out : {&outs.sizes1, &outs.sizes2, &outs.input_permutation, &outs.output_permutation}) {
    written.push_back(out);
  }
  check_orders_apart(written, topk_ids);
}

void prepare_moe_input(const Tensor& topk_ids, const Tensor& expert_offsets,
                       const std::optional<Tensor>& blockscale_offsets, const Tensor& problem_sizes1,
                       const Tensor& problem_sizes2, const Tensor& input_permutation, const Tensor& output_permutation,
                       int64_t num_experts, int64_t n, int64_t k) {
  const Arg ids{topk_ids, "topk_ids"};
  const Outputs outs{{expert_offsets, "expert_offsets"},
                     {problem_sizes1, "problem_sizes1"},
                     {problem_sizes2, "problem_sizes2"},
                     {input_permutation, "input_permutation"},
                     {output_permutation, "output_permutation"},
                     optional_arg(blockscale_offsets, "blockscale_offsets")};
  check(ids, outs, num_experts, n, k);

  LaunchScope scope(ids);
  ExpertOrderProblem problem = expert_order_of(ids, num_experts);
  problem.prepares = true;
  problem.prepare = {order_output(expert_offsets),
                     blockscale_offsets.has_value() ? order_output(*blockscale_offsets) : nullptr,
                     order_output(problem_sizes1),
                     order_output(problem_sizes2),
                     order_output(input_permutation),
                     order_output(output_permutation),
                     int32_t(ids.size(1)),
                     int32_t(n),
                     int32_t(k)};
  launch_dependent("prepare_moe_input", kPaths, scope, problem, std::nullopt, scope.device(), scope.workspace());
}

}  // namespace

WARPWRIGHT_OPERATOR(prepare_moe_input,
                    "(Tensor topk_ids, Tensor! expert_offsets, Tensor(a!)? blockscale_offsets, Tensor! problem_sizes1, "
                    "Tensor! problem_sizes2, Tensor! input_permutation, Tensor! output_permutation, int num_experts, "
                    "int n, int k) -> ()");

}  // namespace warpwright::torch_api
