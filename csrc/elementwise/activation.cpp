#include "elementwise/activation.h"

#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

namespace {

void check_dtypes(const Arg& out, const Arg& input) {
  check_same_device(out, input);
  check_min_dim(input, 1);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_same_dtype(out, input);
}

void check_half_size(const Arg& out, const Arg& input) {
  const int64_t last = input.dim() - 1;
  check_multiple("the last dimension of input", input.size(last), 2);
  check_dim(out, input.dim());
  for (int64_t dim = 0; dim < last; ++dim) check_size(out, dim, input.size(dim), "that of input");
  check_size(out, last, input.size(last) / 2, "half of the last dimension of input");
}

// The output may take the place of the input's rows, or of one half of each where there are `halves`: each thread has
// read what it overwrites.
void check_memory(const Arg& out, const Rows& out_rows, const Arg& input, const Rows& input_rows, int halves) {
  Rows part = input_rows;
  part.bytes /= halves;
  for (int i = 0; i < halves; ++i, part.start += part.bytes) {
    if (is_same(out_rows, part)) return;
  }
  check_apart(out, out_rows, input, input_rows);
}

ActivationProblem check_rows(const Arg& out, const Arg& input, int halves) {
  check_inner_stride(input);
  check_inner_stride(out);
  ActivationProblem problem;
  if (out.numel() == 0) return problem;
  problem.out_stride = out_row_stride(out);
  problem.input_stride = row_stride(input);
  check_memory(out, rows_of(out, problem.out_stride), input, rows_of(input, problem.input_stride), halves);
  problem.hidden = out.size(out.dim() - 1);
  problem.rows = out.numel() / problem.hidden;
  problem.input = input.data();
  problem.dtype = to_dtype(input.dtype_number());
  return problem;
}

}  // namespace

ActivationProblem check_gated_activation(const Arg& out, const Arg& input) {
  check_dtypes(out, input);
  check_half_size(out, input);
  return check_rows(out, input, 2);
}

ActivationProblem check_plain_activation(const Arg& out, const Arg& input) {
  check_dtypes(out, input);
  check_same_shape(out, input);
  return check_rows(out, input, 1);
}

}  // namespace warpwright::torch_api
