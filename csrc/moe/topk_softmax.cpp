#include "moe/route.h"
#include "torch/operator.h"
#include "warpwright/paths/topk_softmax.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RouteLaunch> kPaths[] = {WARPWRIGHT_PATHS_topk_softmax};

void topk_softmax(const Tensor& topk_weights, const Tensor& topk_ids, const Tensor& gating_output, bool renormalize,
                  double moe_softcapping, const std::optional<Tensor>& correction_bias,
                  const std::optional<Tensor>& token_expert_indices) {
  const Arg logits{gating_output, "gating_output"};
  const ChosenArgs out{{topk_weights, "topk_weights"},
                       {topk_ids, "topk_ids"},
                       optional_arg(token_expert_indices, "token_expert_indices")};
  RouteProblem problem = check_route(out, logits, optional_arg(correction_bias, "correction_bias"));
  if (problem.tokens == 0) return;

  problem.scoring = Scoring::kSoftmax;
  problem.renormalize = renormalize;
  problem.softcap = static_cast<float>(moe_softcapping);
  problem.inverse_softcap = moe_softcapping == 0 ? 0.f : static_cast<float>(1 / moe_softcapping);
  LaunchScope scope(logits);
  write_to(problem, {topk_weights, topk_ids, &token_expert_indices});
  launch_dependent("topk_softmax", kPaths, scope, problem, std::nullopt, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(topk_softmax,
                    "(Tensor(a!) topk_weights, Tensor(b!) topk_ids, Tensor gating_output, bool renormalize=False, "
                    "float moe_softcapping=0.0, Tensor? correction_bias=None, Tensor(c!)? token_expert_indices=None) "
                    "-> ()");

}  // namespace warpwright::torch_api
