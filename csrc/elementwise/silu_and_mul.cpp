#include "warpwright/elementwise/silu_and_mul.h"

#include "elementwise/elementwise.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "warpwright/paths.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<SiluAndMulLaunch> kPaths[] = {WARPWRIGHT_PATHS_silu_and_mul(WARPWRIGHT_PATH){}};

// The output may take the place of one half of the input: each thread has read what it overwrites.
void check_gate_memory(const Tensor& out, int64_t out_stride, const Tensor& input, int64_t input_stride) {
  const Rows out_rows = rows_of(WARPWRIGHT_ARG(out), out_stride);
  const Rows input_rows = rows_of(WARPWRIGHT_ARG(input), input_stride);
  Rows half = input_rows;
  half.bytes /= 2;
  if (is_same(out_rows, half)) return;
  half.start += half.bytes;
  if (is_same(out_rows, half)) return;
  check_apart(WARPWRIGHT_ARG(out), out_rows, WARPWRIGHT_ARG(input), input_rows);
}

}  // namespace

void silu_and_mul(Tensor out, const Tensor& input) {
  check_same_device(WARPWRIGHT_ARG(out), WARPWRIGHT_ARG(input));
  check_min_dim(WARPWRIGHT_ARG(input), 1);
  check_dtype(WARPWRIGHT_ARG(input), {ScalarType::Half, ScalarType::BFloat16});
  check_same_dtype(WARPWRIGHT_ARG(out), WARPWRIGHT_ARG(input));
  const int64_t last = input.dim() - 1;
  check_multiple("the last dimension of input", input.size(last), 2);
  const int64_t hidden = input.size(last) / 2;
  check_dim(WARPWRIGHT_ARG(out), input.dim());
  for (int64_t dim = 0; dim < last; ++dim) check_size(WARPWRIGHT_ARG(out), dim, input.size(dim), "that of input");
  check_size(WARPWRIGHT_ARG(out), last, hidden, "half of the last dimension of input");
  check_inner_stride(WARPWRIGHT_ARG(input));
  check_inner_stride(WARPWRIGHT_ARG(out));
  if (out.numel() == 0) return;

  SiluAndMulProblem problem;
  problem.out_stride = out_row_stride(WARPWRIGHT_ARG(out));
  problem.input_stride = row_stride(WARPWRIGHT_ARG(input));
  problem.rows = out.numel() / hidden;
  problem.hidden = hidden;
  problem.dtype = to_dtype(input.scalar_type());

  LaunchScope scope(input);
  check_gate_memory(out, problem.out_stride, input, problem.input_stride);
  problem.out = out.mutable_data_ptr();
  problem.input = input.const_data_ptr();
  const auto& path = path_for("silu_and_mul", kPaths, scope.device());
  check_launch("silu_and_mul", path.launch(problem, scope.stream()));
}

}  // namespace warpwright::torch_api
