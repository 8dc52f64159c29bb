#include "warpwright/elementwise/rmsnorm.h"

#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/paths/rmsnorm.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RmsNormLaunch> kPaths[] = {WARPWRIGHT_PATHS_rmsnorm};

void check_tensors(const Arg& out, const Arg& input, const Arg& weight) {
  check_same_device(weight, input);
  check_same_device(out, input);
  check_min_dim(input, 1);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16});
  check_same_dtype(weight, input);
  check_same_dtype(out, input);
  check_dim(weight, 1);
  check_size(weight, 0, input.size(input.dim() - 1), "the last dimension of input");
  check_same_shape(out, input);
  check_inner_stride(input);
  check_inner_stride(out);
  check_contiguous(weight);
}

// The output may take the place of the input, and of nothing else.
void check_memory(const Arg& out, int64_t out_stride, const Arg& input, int64_t input_stride, const Arg& weight) {
  const Rows out_rows = rows_of(out, out_stride), input_rows = rows_of(input, input_stride);
  if (!is_same(out_rows, input_rows)) check_apart(out, out_rows, input, input_rows);
  check_apart(out, out_rows, weight, span_of(weight));
}

// A problem without rows where there is nothing to write.
RmsNormProblem check(const Arg& out, const Arg& input, const Arg& weight) {
  RmsNormProblem problem;
  check_tensors(out, input, weight);
  if (input.numel() == 0) return problem;
  problem.out_stride = out_row_stride(out);
  problem.input_stride = row_stride(input);
  check_memory(out, problem.out_stride, input, problem.input_stride, weight);
  problem.hidden = weight.size(0);
  problem.rows = input.numel() / problem.hidden;
  problem.input = input.data();
  problem.weight = weight.data();
  problem.dtype = to_dtype(input.dtype_number());
  return problem;
}

void rmsnorm(const Tensor& out, const Tensor& input, const Tensor& weight, double eps) {
  const Arg input_arg{input, "input"};
  RmsNormProblem problem = check({out, "out"}, input_arg, {weight, "weight"});
  if (problem.rows == 0) return;
  problem.eps = static_cast<float>(eps);

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  launch("rmsnorm", kPaths, scope, problem);
}

}  // namespace

WARPWRIGHT_OPERATOR(rmsnorm, "(Tensor! out, Tensor input, Tensor weight, float eps) -> ()");

}  // namespace warpwright::torch_api
