#include "top_k/selection.h"

#include "torch/checks.h"

namespace warpwright::torch_api {

TopKProblem check_rows(const Arg& input) {
  check_dim(input, 2);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_inner_stride(input);
  check_at_most("the number of elements of a row", input.size(1), kMostColumns, "an index is an int32");
  TopKProblem problem;
  problem.rows = input.size(0);
  problem.columns = input.size(1);
  problem.row_stride = input.stride(0);
  problem.dtype = to_dtype(input.dtype_number());
  return problem;
}

void check_k(TopKProblem& problem, const char* name, int64_t k, bool sorted) {
  check_at_least(name, k, 0);
  check_at_most(name, k, problem.columns, "a row has no more elements");
  if (sorted) check_at_most(name, k, kMostSorted, "more are not sorted here, but by torch.sort");
  problem.k = k;
  problem.sorted = sorted;
}

void check_of_rows(const Arg& numbers, const Arg& score) {
  check_same_device(numbers, score);
  check_dim(numbers, 1);
  check_dtype(numbers, {ScalarType::Int});
  check_size(numbers, 0, score.size(0), "one for each row of score");
  check_contiguous(numbers);
}

void check_parts(TopKProblem& problem, const Arg& score, const Arg& lengths, int64_t topk,
                 const std::optional<Arg>& row_starts) {
  check_of_rows(lengths, score);
  if (row_starts.has_value()) check_of_rows(*row_starts, score);
  check_at_least("topk", topk, 0);
  check_at_most("topk", topk, kMostColumns, "an index is an int32");
  problem.k = topk;
  if (score.size(0) == 0 || topk == 0) return;
  problem.lengths = lengths.data_of<int32_t>();
  problem.starts = data_of<int32_t>(row_starts);
}

std::tuple<Tensor, Tensor> take_pairs(const char* op, const SmPath<TopKLaunch>* paths, TopKProblem problem,
                                      const Arg& input) {
  LaunchScope scope(input);
  Tensor values = scope.empty(input.dtype_number(), problem.rows, problem.k);
  Tensor indices = scope.empty(number_of(ScalarType::Long), problem.rows, problem.k);
  if (problem.rows == 0 || problem.k == 0) return {values, indices};
  problem.input = input.data();
  problem.values = values.mutable_data_ptr();
  problem.indices = static_cast<int64_t*>(indices.mutable_data_ptr());
  launch_dependent(op, paths, scope, problem, std::nullopt, scope.device());
  return {values, indices};
}

Tensor take_places(const char* op, const SmPath<TopKLaunch>* paths, TopKProblem problem, const Arg& score) {
  LaunchScope scope(score);
  Tensor places = scope.empty(number_of(ScalarType::Int), problem.rows, problem.k);
  if (problem.rows == 0 || problem.k == 0) return places;
  problem.input = score.data();
  problem.places = static_cast<int32_t*>(places.mutable_data_ptr());
  launch_dependent(op, paths, scope, problem, std::nullopt, scope.device());
  return places;
}

}  // namespace warpwright::torch_api
