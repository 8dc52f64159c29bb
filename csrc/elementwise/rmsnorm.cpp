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
  check_same_device(WARPWRIGHT_ARG(weight), WARPWRIGHT_ARG(input));
  check_same_device(WARPWRIGHT_ARG(out), WARPWRIGHT_ARG(input));
  check_min_dim(WARPWRIGHT_ARG(input), 1);
  check_dtype(WARPWRIGHT_ARG(input), {ScalarType::Half, ScalarType::BFloat16});
  check_same_dtype(WARPWRIGHT_ARG(weight), WARPWRIGHT_ARG(input));
  check_same_dtype(WARPWRIGHT_ARG(out), WARPWRIGHT_ARG(input));
  const int64_t hidden = input.size(input.dim() - 1);
  check_dim(WARPWRIGHT_ARG(weight), 1);
  check_size(WARPWRIGHT_ARG(weight), 0, hidden, "the last dimension of input");
  check_same_shape(WARPWRIGHT_ARG(out), WARPWRIGHT_ARG(input));
  check_inner_stride(WARPWRIGHT_ARG(input));
  check_inner_stride(WARPWRIGHT_ARG(out));
  check_contiguous(WARPWRIGHT_ARG(weight));
  if (input.numel() == 0) return;

  RmsNormProblem problem;
  problem.out_stride = out_row_stride(WARPWRIGHT_ARG(out));
  problem.input_stride = row_stride(WARPWRIGHT_ARG(input));
  problem.rows = input.numel() / hidden;
  problem.hidden = hidden;
  problem.eps = static_cast<float>(eps);
  problem.dtype = to_dtype(input.scalar_type());

  LaunchScope scope(input);
  const Rows out_rows = rows_of(WARPWRIGHT_ARG(out), problem.out_stride);
  const Rows input_rows = rows_of(WARPWRIGHT_ARG(input), problem.input_stride);
  if (!is_same(out_rows, input_rows)) check_apart(WARPWRIGHT_ARG(out), out_rows, WARPWRIGHT_ARG(input), input_rows);
  check_apart(WARPWRIGHT_ARG(out), out_rows, WARPWRIGHT_ARG(weight), span_of(WARPWRIGHT_ARG(weight)));
  problem.out = out.mutable_data_ptr();
  problem.input = input.const_data_ptr();
  problem.weight = weight.const_data_ptr();
  const auto& path = path_for("rmsnorm", kPaths, scope.device());
  check_launch("rmsnorm", path.launch(problem, scope.stream()));
}

}  // namespace warpwright::torch_api
