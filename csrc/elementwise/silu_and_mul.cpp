#include "warpwright/elementwise/silu_and_mul.h"

#include "elementwise/elementwise.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "warpwright/paths.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SiluAndMulLaunch> kPaths[] = {WARPWRIGHT_PATHS_silu_and_mul(WARPWRIGHT_PATH){}};

// The output may take the place of one half of the input: each thread has read what it overwrites.
void check_gate_memory(const Arg& out, int64_t out_stride, const Arg& input, int64_t input_stride) {
  const Rows out_rows = rows_of(out, out_stride), input_rows = rows_of(input, input_stride);
  Rows half = input_rows;
  half.bytes /= 2;
  if (is_same(out_rows, half)) return;
  half.start += half.bytes;
  if (is_same(out_rows, half)) return;
  check_apart(out, out_rows, input, input_rows);
}

}  // namespace

void silu_and_mul(Tensor out, const Tensor& input) {
  const Arg out_arg{out, "out"}, input_arg{input, "input"};
  check_same_device(out_arg, input_arg);
  check_min_dim(input_arg, 1);
  check_dtype(input_arg, {ScalarType::Half, ScalarType::BFloat16});
  check_same_dtype(out_arg, input_arg);
  const int64_t last = input_arg.dim() - 1;
  check_multiple("the last dimension of input", input_arg.size(last), 2);
  const int64_t hidden = input_arg.size(last) / 2;
  check_dim(out_arg, input_arg.dim());
  for (int64_t dim = 0; dim < last; ++dim) check_size(out_arg, dim, input_arg.size(dim), "that of input");
  check_size(out_arg, last, hidden, "half of the last dimension of input");
  check_inner_stride(input_arg);
  check_inner_stride(out_arg);
  if (out_arg.numel() == 0) return;

  SiluAndMulProblem problem;
  problem.out_stride = out_row_stride(out_arg);
  problem.input_stride = row_stride(input_arg);
  problem.rows = out_arg.numel() / hidden;
  problem.hidden = hidden;
  problem.dtype = to_dtype(input_arg);

  LaunchScope scope(input);
  check_gate_memory(out_arg, problem.out_stride, input_arg, problem.input_stride);
  problem.out = out.mutable_data_ptr();
  problem.input = input.const_data_ptr();
  const auto& path = path_for("silu_and_mul", kPaths, scope.device());
  check_launch("silu_and_mul", path.launch(problem, scope.stream()));
}

}  // namespace warpwright::torch_api
