#include "moe/route.h"
#include "torch/operator.h"
#include "warpwright/paths/topk_sigmoid.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RouteLaunch> kPaths[] = {WARPWRIGHT_PATHS_topk_sigmoid};

void topk_sigmoid(const Tensor& topk_weights, const Tensor& topk_ids, const Tensor& gating_output, bool renormalize,
                  const std::optional<Tensor>& correction_bias) {
  const Arg logits{gating_output, "gating_output"};
  const ChosenArgs out{{topk_weights, "topk_weights"}, {topk_ids, "topk_ids"}, std::nullopt};
  RouteProblem problem = check_route(out, logits, optional_arg(correction_bias, "correction_bias"));
  if (problem.tokens == 0) return;

  problem.scoring = Scoring::kSigmoid;
  problem.renormalize = renormalize;
  LaunchScope scope(logits);
  write_to(problem, {topk_weights, topk_ids});
  launch_dependent("topk_sigmoid", kPaths, scope, problem, std::nullopt, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(topk_sigmoid,
                    "(Tensor(a!) topk_weights, Tensor(b!) topk_ids, Tensor gating_output, bool renormalize=False, "
                    "Tensor? correction_bias=None) -> ()");

}  // namespace warpwright::torch_api
