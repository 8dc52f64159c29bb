#include "warpwright/elementwise/silu_and_mul.h"

#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/paths/silu_and_mul.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SiluAndMulLaunch> kPaths[] = {WARPWRIGHT_PATHS_silu_and_mul};

void check_tensors(const Arg& out, const Arg& input) {
  check_same_device(out, input);
  check_min_dim(input, 1);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16});
  check_same_dtype(out, input);
  const int64_t last = input.dim() - 1;
  check_multiple("the last dimension of input", input.size(last), 2);
  check_dim(out, input.dim());
  for (int64_t dim = 0; dim < last; ++dim) check_size(out, dim, input.size(dim), "that of input");
  check_size(out, last, input.size(last) / 2, "half of the last dimension of input");
  check_inner_stride(input);
  check_inner_stride(out);
}

// The output may take the place of one half of the input: each thread has read what it overwrites.
void check_memory(const Arg& out, int64_t out_stride, const Arg& input, int64_t input_stride) {
  const Rows out_rows = rows_of(out, out_stride), input_rows = rows_of(input, input_stride);
  Rows half = input_rows;
  half.bytes /= 2;
  if (is_same(out_rows, half)) return;
  half.start += half.bytes;
  if (is_same(out_rows, half)) return;
  check_apart(out, out_rows, input, input_rows);
}

// A problem without rows where there is nothing to write.
SiluAndMulProblem check(const Arg& out, const Arg& input) {
  SiluAndMulProblem problem;
  check_tensors(out, input);
  if (out.numel() == 0) return problem;
  problem.out_stride = out_row_stride(out);
  problem.input_stride = row_stride(input);
  check_memory(out, problem.out_stride, input, problem.input_stride);
  problem.hidden = out.size(out.dim() - 1);
  problem.rows = out.numel() / problem.hidden;
  problem.input = input.data();
  problem.dtype = to_dtype(input.dtype_number());
  return problem;
}

void silu_and_mul(const Tensor& out, const Tensor& input) {
  const Arg input_arg{input, "input"};
  SiluAndMulProblem problem = check({out, "out"}, input_arg);
  if (problem.rows == 0) return;

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  launch("silu_and_mul", kPaths, scope, problem);
}

}  // namespace

WARPWRIGHT_OPERATOR(silu_and_mul, "(Tensor! out, Tensor input) -> ()");

}  // namespace warpwright::torch_api
