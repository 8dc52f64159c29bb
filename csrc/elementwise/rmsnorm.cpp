#include "warpwright/elementwise/rmsnorm.h"

#include "elementwise/elementwise.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "warpwright/paths.h"

namespace warpwright::torch_api {

namespace {
constexpr SmPath<RmsNormLaunch> kPaths[] = {WARPWRIGHT_PATHS_rmsnorm(WARPWRIGHT_PATH){}};
}

void rmsnorm(Tensor out, const Tensor& input, const Tensor& weight, double eps) {
  const Arg out_arg{out, "out"}, input_arg{input, "input"}, weight_arg{weight, "weight"};
  check_same_device(weight_arg, input_arg);
  check_same_device(out_arg, input_arg);
  check_min_dim(input_arg, 1);
  check_dtype(input_arg, {ScalarType::Half, ScalarType::BFloat16});
  check_same_dtype(weight_arg, input_arg);
  check_same_dtype(out_arg, input_arg);
  const int64_t hidden = input_arg.size(input_arg.dim() - 1);
  check_dim(weight_arg, 1);
  check_size(weight_arg, 0, hidden, "the last dimension of input");
  check_same_shape(out_arg, input_arg);
  check_inner_stride(input_arg);
  check_inner_stride(out_arg);
  check_contiguous(weight_arg);
  if (input_arg.numel() == 0) return;

  RmsNormProblem problem;
  problem.out_stride = out_row_stride(out_arg);
  problem.input_stride = row_stride(input_arg);
  problem.rows = input_arg.numel() / hidden;
  problem.hidden = hidden;
  problem.eps = static_cast<float>(eps);
  problem.dtype = to_dtype(input_arg);

  LaunchScope scope(input);
  const Rows out_rows = rows_of(out_arg, problem.out_stride);
  const Rows input_rows = rows_of(input_arg, problem.input_stride);
  if (!is_same(out_rows, input_rows)) check_apart(out_arg, out_rows, input_arg, input_rows);
  check_apart(out_arg, out_rows, weight_arg, span_of(weight_arg));
  problem.out = out.mutable_data_ptr();
  problem.input = input.const_data_ptr();
  problem.weight = weight.const_data_ptr();
  const auto& path = path_for("rmsnorm", kPaths, scope.device());
  check_launch("rmsnorm", path.launch(problem, scope.stream()));
}

}  // namespace warpwright::torch_api
