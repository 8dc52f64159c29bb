#include <tuple>

#include "moe/route.h"
#include "torch/checks.h"
#include "torch/operator.h"
#include "warpwright/paths/moe_fused_gate.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RouteLaunch> kPaths[] = {WARPWRIGHT_PATHS_moe_fused_gate};

void check_numbers(int64_t experts, int64_t groups, int64_t kept_groups, int64_t topk, int64_t shared) {
  check_at_least("num_expert_group", groups, 1);
  check_multiple("the size of input_tensor in dimension 1", experts, groups);
  check_at_least("topk_group", kept_groups, 1);
  check_at_most("topk_group", kept_groups, groups, "there are no more groups");
  check_at_least("num_fused_shared_experts", shared, 0);
  check_at_least("topk", topk, shared);
  check_at_most("topk less num_fused_shared_experts", topk - shared, kept_groups * (experts / groups),
                "there are no more experts in so many groups");
}

std::tuple<Tensor, Tensor> moe_fused_gate(const Tensor& input_tensor, const Tensor& bias, int64_t num_expert_group,
                                          int64_t topk_group, int64_t topk, int64_t num_fused_shared_experts,
                                          double routed_scaling_factor, bool apply_routed_scaling_factor_on_output) {
  const Arg logits{input_tensor, "input_tensor"};
  const std::optional<Arg> bias_arg(std::in_place, bias, "bias");
  check_same_device(*bias_arg, logits);
  check_logits(logits, bias_arg);
  check_numbers(logits.size(1), num_expert_group, topk_group, topk, num_fused_shared_experts);

  RouteProblem problem = route_of(logits, bias_arg);
  problem.scoring = Scoring::kSigmoid;
  problem.groups = num_expert_group;
  problem.kept_groups = topk_group;
  problem.routed = topk - num_fused_shared_experts;
  problem.shared = num_fused_shared_experts;
  problem.renormalize = true;
  const double factor = routed_scaling_factor == 0 ? 1 : routed_scaling_factor;
  problem.scale = apply_routed_scaling_factor_on_output ? static_cast<float>(factor) : 1.f;
  problem.shared_weight = apply_routed_scaling_factor_on_output ? 1.f : static_cast<float>(1 / factor);
  return route_to_new("moe_fused_gate", kPaths, problem, logits);
}

}  // namespace

WARPWRIGHT_OPERATOR(moe_fused_gate,
                    "(Tensor input_tensor, Tensor bias, int num_expert_group, int topk_group, int topk, "
                    "int num_fused_shared_experts=0, float routed_scaling_factor=0, "
                    "bool apply_routed_scaling_factor_on_output=False) -> (Tensor, Tensor)");

}  // namespace warpwright::torch_api
