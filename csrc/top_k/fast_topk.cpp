#include "top_k/selection.h"
#include "torch/operator.h"
#include "warpwright/paths/fast_topk.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<TopKLaunch> kPaths[] = {WARPWRIGHT_PATHS_fast_topk};

std::tuple<Tensor, Tensor> fast_topk(const Tensor& values, int64_t topk) {
  const Arg values_arg{values, "values"};
  TopKProblem problem = check_rows(values_arg);
  check_k(problem, "topk", topk, true);
  return take_pairs("fast_topk", kPaths, problem, values_arg);
}

}  // namespace

WARPWRIGHT_OPERATOR(fast_topk, "(Tensor values, int topk) -> (Tensor, Tensor)");

}  // namespace warpwright::torch_api
