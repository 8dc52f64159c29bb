#include "top_k/selection.h"
#include "torch/operator.h"
#include "warpwright/paths/fast_topk_transform_ragged_fused.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<TopKLaunch> kPaths[] = {WARPWRIGHT_PATHS_fast_topk_transform_ragged_fused};

Tensor fast_topk_transform_ragged_fused(const Tensor& score, const Tensor& lengths, const Tensor& topk_indices_offset,
                                        int64_t topk, const std::optional<Tensor>& row_starts) {
  const Arg score_arg{score, "score"}, offset_arg{topk_indices_offset, "topk_indices_offset"};
  TopKProblem problem = check_rows(score_arg);
  check_parts(problem, score_arg, {lengths, "lengths"}, topk, optional_arg(row_starts, "row_starts"));
  check_of_rows(offset_arg, score_arg);
  if (problem.rows != 0) problem.transform.offsets = offset_arg.data_of<int32_t>();
  return take_places("fast_topk_transform_ragged_fused", kPaths, problem, score_arg);
}

}  // namespace

WARPWRIGHT_OPERATOR(fast_topk_transform_ragged_fused,
                    "(Tensor score, Tensor lengths, Tensor topk_indices_offset, int topk, "
                    "Tensor? row_starts=None) -> Tensor");

}  // namespace warpwright::torch_api
