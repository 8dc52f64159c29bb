#include "sampling/renorm.h"

#include "torch/checks.h"

namespace warpwright::torch_api {

Tensor keep_largest(const char* op, const SmPath<RenormLaunch>* paths, const Arg& scores, const char* columns,
                    const NumberArgument<int64_t>& top_k, const NumberArgument<double>& top_p) {
  const std::optional<Arg> each_k = each_of(top_k, "top_k"), each_p = each_of(top_p, "top_p");
  check_scores(scores, columns);
  check_dtype(scores, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_numbers(each_k, ScalarType::Int, scores.size(0), "one for each row", scores);
  check_numbers(each_p, ScalarType::Float, scores.size(0), "one for each row", scores);

  LaunchScope scope(scores);
  Tensor out = scope.empty_like(scores);
  if (scores.size(0) == 0) return out;
  RenormProblem problem;
  problem.out = out.mutable_data_ptr();
  problem.scores = scores.data();
  problem.rows = scores.size(0);
  problem.classes = scores.size(1);
  problem.row_stride = scores.stride(0);
  problem.dtype = to_dtype(scores.dtype_number());
  problem.top_k = {data_of<int32_t>(each_k), to_top_k(top_k.all)};
  problem.top_p = {data_of<float>(each_p), float(top_p.all)};
  launch_dependent(op, paths, scope, problem, std::nullopt);
  return out;
}

}  // namespace warpwright::torch_api
