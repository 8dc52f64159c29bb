#include "top_k/selection.h"
#include "torch/operator.h"
#include "warpwright/paths/fast_topk_v2.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<TopKLaunch> kPaths[] = {WARPWRIGHT_PATHS_fast_topk_v2};

Tensor fast_topk_v2(const Tensor& score, const Tensor& lengths, int64_t topk,
                    const std::optional<Tensor>& row_starts) {
  const Arg score_arg{score, "score"};
  TopKProblem problem = check_rows(score_arg);
  check_parts(problem, score_arg, {lengths, "lengths"}, topk, optional_arg(row_starts, "row_starts"));
  return take_places("fast_topk_v2", kPaths, problem, score_arg);
}

}  // namespace

WARPWRIGHT_OPERATOR(fast_topk_v2, "(Tensor score, Tensor lengths, int topk, Tensor? row_starts=None) -> Tensor");

}  // namespace warpwright::torch_api
