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
  check_same_dtype(weight, input);
  check_same_dtype(other, input);
  check_dim(weight, 1);
  check_size(weight, 0, input.size(input.dim() - 1), "the last dimension of input");
  check_same_shape(other, input);
  check_inner_stride(input);
  check_inner_stride(other);
  check_contiguous(weight);
}

RowProblem problem_of(const Arg& input, const Arg& weight) {
  RowProblem problem;
  problem.hidden = weight.size(0);
  problem.rows = input.numel() / problem.hidden;
  problem.input = input.data();
  problem.weight = weight.data();
  problem.dtype = problem.weight_dtype = to_dtype(input.dtype_number());
  return problem;
}

}  // namespace

// The output may take the place of the input, and of nothing else.
RowProblem check_norm(const Arg& out, const Arg& input, const Arg& weight) {
  check_tensors(input, out, weight);
  if (input.numel() == 0) return {};
  const int64_t out_stride = out_row_stride(out), input_stride = row_stride(input);
  const Rows out_rows = rows_of(out, out_stride), input_rows = rows_of(input, input_stride);
  if (!is_same(out_rows, input_rows)) check_apart(out, out_rows, input, input_rows);
  check_apart(out, out_rows, weight, span_of(weight));
  RowProblem problem = problem_of(input, weight);
  problem.out_stride = out_stride;
  problem.input_stride = input_stride;
  return problem;
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
