#include "elementwise/norm.h"

#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

namespace {

void check_tensors(const Arg& input, const Arg& other, const Arg& weight) {
  check_same_device(weight, input);
  check_same_device(other, input);
  check_min_dim(input, 1);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_weight_dtype(weight, input, false);
  check_same_dtype(other, input);
  check_weight_shape(weight, input);
  check_same_shape(other, input);
  check_inner_stride(input);
  check_inner_stride(other);
}

RowProblem problem_of(const Arg& input, const Arg& weight) {
  RowProblem problem;
  problem.hidden = weight.size(0);
  problem.rows = input.numel() / problem.hidden;
  problem.input = input.data();
  problem.weight = weight.data();
  problem.dtype = to_dtype(input.dtype_number());
  problem.weight_dtype = to_dtype(weight.dtype_number());
  return problem;
}

// The output may take the place of the input, and of nothing else.
RowProblem written_problem(const Arg& out, const Arg& input, const Arg& weight) {
  const int64_t out_stride = out_row_stride(out), input_stride = row_stride(input);
  const Rows out_rows = rows_of(out, out_stride), input_rows = rows_of(input, input_stride);
  if (!is_same(out_rows, input_rows)) check_apart(out, out_rows, input, input_rows);
  check_apart(out, out_rows, weight, span_of(weight));
  RowProblem problem = problem_of(input, weight);
  problem.out_stride = out_stride;
  problem.input_stride = input_stride;
  return problem;
}

}  // namespace

void check_weight_dtype(const Arg& weight, const Arg& input, bool may_be_float) {
  if (may_be_float && weight.dtype_number() == number_of(ScalarType::Float)) return;
  check_same_dtype(weight, input);
}

void check_weight_shape(const Arg& weight, const Arg& input) {
  check_dim(weight, 1);
  check_size(weight, 0, input.size(input.dim() - 1), "the last dimension of input");
  check_contiguous(weight);
}

RowProblem check_layernorm(const Arg& out, const Arg& input, const Arg& gemma, const Arg& beta) {
  check_same_device(gemma, input);
  check_same_device(beta, input);
  check_same_device(out, input);
  check_min_dim(input, 1);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_weight_dtype(gemma, input, true);
  check_same_dtype(beta, gemma);
  check_same_dtype(out, input);
  check_weight_shape(gemma, input);
  check_weight_shape(beta, input);
  check_same_shape(out, input);
  check_inner_stride(input);
  check_inner_stride(out);
  if (input.numel() == 0) return {};
  RowProblem problem = written_problem(out, input, gemma);
  check_apart(out, rows_of(out, problem.out_stride), beta, span_of(beta));
  problem.bias = beta.data();
  return problem;
}

RowProblem check_norm(const Arg& out, const Arg& input, const Arg& weight) {
  check_tensors(input, out, weight);
  if (input.numel() == 0) return {};
  return written_problem(out, input, weight);
}

RowProblem check_add_norm(const Arg& input, const Arg& residual, const Arg& weight) {
  check_tensors(input, residual, weight);
  if (input.numel() == 0) return {};
  const int64_t input_stride = out_row_stride(input), residual_stride = out_row_stride(residual);
  const Rows input_rows = rows_of(input, input_stride), residual_rows = rows_of(residual, residual_stride);
  check_apart(input, input_rows, residual, residual_rows);
  check_apart(input, input_rows, weight, span_of(weight));
  check_apart(residual, residual_rows, weight, span_of(weight));
  RowProblem problem = problem_of(input, weight);
  problem.out_stride = problem.input_stride = input_stride;
  problem.residual_stride = residual_stride;
  return problem;
}

}  // namespace warpwright::torch_api
