#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/moe/sum_rows.h"
#include "warpwright/paths/apply_shuffle_mul_sum.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SumRowsLaunch> kPaths[] = {WARPWRIGHT_PATHS_apply_shuffle_mul_sum};

void check_tensors(const Arg& input, const Arg& output, const Arg& permutation) {
  check_same_device(output, input);
  check_same_device(permutation, input);
  check_dim(input, 2);
  check_dim(output, 2);
  check_dim(permutation, 1);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_same_dtype(output, input);
  check_dtype(permutation, {ScalarType::Int, ScalarType::Long});
  check_size(output, 1, input.size(1), "that of input");
  check_inner_stride(input);
  check_inner_stride(output);
  check_contiguous(permutation);
  const int64_t tokens = output.size(0), elements = permutation.size(0);
  WARPWRIGHT_CHECK(tokens == 0 || elements % tokens == 0, "permutation has ", elements,
                   " elements, expected as many for each of the ", tokens, " rows of output");
}

void check_factors(const Arg& factors, const Arg& input, const Arg& permutation) {
  check_same_device(factors, input);
  if (factors.dtype_number() != number_of(ScalarType::Float)) check_same_dtype(factors, input);
  check_numel(factors, permutation.size(0), "one for each element of permutation");
  check_contiguous(factors);
}

SumRowsProblem problem_of(const Arg& input, const Arg& output, const Arg& permutation) {
  SumRowsProblem problem;
  problem.input = input.numel() == 0 ? nullptr : input.data();
  problem.dtype = to_dtype(input.dtype_number());
  problem.tokens = output.size(0);
  problem.topk = permutation.size(0) / output.size(0);
  problem.hidden = output.size(1);
  problem.row_stride = input.size(0) > 1 ? input.stride(0) : 0;
  problem.out_stride = output.size(0) > 1 ? output.stride(0) : 0;
  problem.rows = permutation.data();
  problem.row_dtype = to_dtype(permutation.dtype_number());
  problem.input_rows = input.size(0);
  return problem;
}

void apply_shuffle_mul_sum(const Tensor& input, const Tensor& output, const Tensor& permutation,
                           const std::optional<Tensor>& factors) {
  const Arg input_arg{input, "input"}, out{output, "output"}, rows{permutation, "permutation"};
  const std::optional<Arg> factors_arg = optional_arg(factors, "factors");
  check_tensors(input_arg, out, rows);
  if (factors_arg.has_value()) check_factors(*factors_arg, input_arg, rows);
  if (out.numel() == 0) return;
  const Rows out_rows = rows_of(out, out_row_stride(out));
  check_apart(out, out_rows, input_arg, rows_of(input_arg, row_stride(input_arg)));
  check_apart(out, out_rows, rows, span_of(rows));
  if (factors_arg.has_value()) check_apart(out, out_rows, *factors_arg, span_of(*factors_arg));

  LaunchScope scope(input_arg);
  SumRowsProblem problem = problem_of(input_arg, out, rows);
  problem.out = output.mutable_data_ptr();
  problem.factors = data_of<void>(factors_arg);
  problem.has_float_factors = factors_arg.has_value() && to_dtype(factors_arg->dtype_number()) == Dtype::kFloat32;
  launch_dependent("apply_shuffle_mul_sum", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(apply_shuffle_mul_sum,
                    "(Tensor input, Tensor! output, Tensor permutation, Tensor? factors) -> ()");

}  // namespace warpwright::torch_api
