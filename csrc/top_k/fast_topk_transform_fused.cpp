#include "top_k/selection.h"
#include "torch/checks.h"
#include "torch/operator.h"
#include "warpwright/paths/fast_topk_transform_fused.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<TopKLaunch> kPaths[] = {WARPWRIGHT_PATHS_fast_topk_transform_fused};

// Where there is a request for each row and all parts begin with their rows, as in decoding, the starts are not read.
TopKTransform check_table(const Arg& table, const Arg& starts, const Arg& score, bool has_row_starts) {
  check_same_device(table, score);
  check_dim(table, 2);
  check_dtype(table, {ScalarType::Int});
  check_inner_stride(table);
  check_same_device(starts, score);
  check_dim(starts, 1);
  check_dtype(starts, {ScalarType::Int});
  check_size(starts, 0, table.size(0) + 1, "one more than the rows of page_table_size_1");
  check_contiguous(starts);
  TopKTransform transform;
  if (score.size(0) == 0) return transform;
  transform.is_by_table = true;
  transform.requests = table.size(0);
  transform.table_columns = table.size(1);
  transform.table_stride = table.stride(0);
  transform.table = table.data_of<int32_t>();
  const bool is_decoding = !has_row_starts && transform.requests == score.size(0);
  transform.request_starts = is_decoding ? nullptr : starts.data_of<int32_t>();
  return transform;
}

Tensor fast_topk_transform_fused(const Tensor& score, const Tensor& lengths, const Tensor& page_table_size_1,
                                 const Tensor& cu_seqlens_q, int64_t topk, const std::optional<Tensor>& row_starts) {
  const Arg score_arg{score, "score"};
  TopKProblem problem = check_rows(score_arg);
  check_parts(problem, score_arg, {lengths, "lengths"}, topk, optional_arg(row_starts, "row_starts"));
  problem.transform = check_table({page_table_size_1, "page_table_size_1"}, {cu_seqlens_q, "cu_seqlens_q"}, score_arg,
                                  row_starts.has_value());
  return take_places("fast_topk_transform_fused", kPaths, problem, score_arg);
}

}  // namespace

WARPWRIGHT_OPERATOR(fast_topk_transform_fused,
                    "(Tensor score, Tensor lengths, Tensor page_table_size_1, Tensor cu_seqlens_q, int topk, "
                    "Tensor? row_starts=None) -> Tensor");

}  // namespace warpwright::torch_api
