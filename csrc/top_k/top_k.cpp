#include "top_k/selection.h"
#include "torch/checks.h"
#include "torch/operator.h"
#include "warpwright/paths/top_k.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<TopKLaunch> kPaths[] = {WARPWRIGHT_PATHS_top_k};
constexpr int64_t kPrefersLarger = 2;  // FlashInfer's TopKTieBreak: 0 none, 1 the smaller index, 2 the larger one

std::tuple<Tensor, Tensor> top_k(const Tensor& input, int64_t k, bool sorted, int64_t tie_break) {
  const Arg input_arg{input, "input"};
  TopKProblem problem = check_rows(input_arg);
  check_k(problem, "k", k, sorted);
  check_at_least("tie_break", tie_break, 0);
  check_at_most("tie_break", tie_break, kPrefersLarger, "it is 0 or 1 for smaller indices, 2 for larger ones");
  problem.prefers_last = tie_break == kPrefersLarger;
  return take_pairs("top_k", kPaths, problem, input_arg);
}

}  // namespace

WARPWRIGHT_OPERATOR(top_k, "(Tensor input, int k, bool sorted=False, int tie_break=0) -> (Tensor, Tensor)");

}  // namespace warpwright::torch_api
