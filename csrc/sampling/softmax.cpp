#include "warpwright/paths/softmax.h"

#include "sampling/draw.h"
#include "torch/checks.h"
#include "torch/operator.h"
#include "warpwright/sampling/renorm_problem.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SoftmaxLaunch> kPaths[] = {WARPWRIGHT_PATHS_softmax};

void check(const Arg& logits, const std::optional<Arg>& temperature) {
  check_scores(logits, "the columns of logits");
  check_dtype(logits, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_numbers(temperature, ScalarType::Float, logits.size(0), "one for each row", logits);
}

Tensor softmax(const Tensor& logits, const std::optional<Tensor>& temperature, double temperature_all,
               std::optional<bool> enable_pdl) {
  const Arg logits_arg{logits, "logits"};
  const std::optional<Arg> each = optional_arg(temperature, "temperature");
  check(logits_arg, each);

  LaunchScope scope(logits_arg);
  Tensor out = scope.empty(number_of(ScalarType::Float), logits_arg.size(0), logits_arg.size(1));
  if (logits_arg.size(0) == 0) return out;
  SoftmaxProblem problem;
  problem.out = static_cast<float*>(out.mutable_data_ptr());
  problem.logits = logits_arg.data();
  problem.rows = logits_arg.size(0);
  problem.classes = logits_arg.size(1);
  problem.row_stride = logits_arg.stride(0);
  problem.dtype = to_dtype(logits_arg.dtype_number());
  problem.temperature = {data_of<float>(each), float(temperature_all)};
  problem.has_clusters = has_clusters(kPaths, scope.device());
  launch_dependent("softmax", kPaths, scope, problem, enable_pdl, scope.device());
  return out;
}

}  // namespace

WARPWRIGHT_OPERATOR(softmax,
                    "(Tensor logits, Tensor? temperature, float temperature_all, bool? enable_pdl=None) -> Tensor");

}  // namespace warpwright::torch_api
