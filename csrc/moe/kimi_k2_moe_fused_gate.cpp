#include <tuple>

#include "moe/route.h"
#include "torch/checks.h"
#include "torch/operator.h"
#include "warpwright/paths/kimi_k2_moe_fused_gate.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RouteLaunch> kPaths[] = {WARPWRIGHT_PATHS_kimi_k2_moe_fused_gate};

std::tuple<Tensor, Tensor> kimi_k2_moe_fused_gate(const Tensor& input_tensor, const Tensor& bias, int64_t topk,
                                                  bool renormalize, double routed_scaling_factor,
                                                  bool apply_routed_scaling_factor_on_output) {
  const Arg logits{input_tensor, "input_tensor"};
  const std::optional<Arg> bias_arg(std::in_place, bias, "bias");
  check_same_device(*bias_arg, logits);
  check_logits(logits, bias_arg);
  check_at_least("topk", topk, 0);
  check_at_most("topk", topk, logits.size(1), "there are no more experts");

  RouteProblem problem = route_of(logits, bias_arg);
  problem.scoring = Scoring::kSigmoid;
  problem.routed = topk;
  problem.renormalize = renormalize;
  if (renormalize && apply_routed_scaling_factor_on_output) problem.scale = static_cast<float>(routed_scaling_factor);
  return route_to_new("kimi_k2_moe_fused_gate", kPaths, problem, logits);
}

}  // namespace

WARPWRIGHT_OPERATOR(kimi_k2_moe_fused_gate,
                    "(Tensor input_tensor, Tensor bias, int topk, bool renormalize=True, "
                    "float routed_scaling_factor=1.0, bool apply_routed_scaling_factor_on_output=False) "
                    "-> (Tensor, Tensor)");

}  // namespace warpwright::torch_api
