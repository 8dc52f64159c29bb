#include <torch/csrc/stable/ops.h>

#include "gemm/mm_arguments.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/gemm/blockwise_scaled_mm.h"
#include "warpwright/paths/fp8_blockwise_scaled_mm.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<BlockwiseScaledMmLaunch> kPaths[] = {WARPWRIGHT_PATHS_fp8_blockwise_scaled_mm};

int64_t blocks(int64_t size) { return (size + kScaleBlock - 1) / kScaleBlock; }

void check_scales(const Arg& arg, const Arg& mat_a, int64_t rows, int64_t columns, const char* rows_are,
                  const char* columns_are) {
  check_same_device(arg, mat_a);
  check_dtype(arg, {ScalarType::Float});
  check_dim(arg, 2);
  check_size(arg, 0, rows, rows_are);
  check_size(arg, 1, columns, columns_are);
}

BlockwiseScaledMmProblem check(const Arg& mat_a, const Arg& mat_b, const Arg& scales_a, const Arg& scales_b,
                               ScalarType out_dtype) {
  auto problem = check_mm<BlockwiseScaledMmProblem>(mat_a, mat_b, ScalarType::Float8_e4m3fn, out_dtype);
  const int64_t k = blocks(problem.k), n = blocks(problem.n);
  check_scales(scales_a, mat_a, problem.m, k, "the rows of mat_a", "one for each 128 columns of mat_a");
  check_scales(scales_b, mat_a, k, n, "one for each 128 rows of mat_b", "one for each 128 columns of mat_b");
  check_mm_starts(mat_a, mat_b);
  problem.scale_a = {scales_a.data_of<float>(), scales_a.stride(0), scales_a.stride(1)};
  problem.scale_b = {scales_b.data_of<float>(), scales_b.stride(1), scales_b.stride(0)};
  return problem;
}

Tensor fp8_blockwise_scaled_mm(const Tensor& mat_a, const Tensor& mat_b, const Tensor& scales_a, const Tensor& scales_b,
                               ScalarType out_dtype) {
  const Arg mat_a_arg{mat_a, "mat_a"};
  BlockwiseScaledMmProblem problem =
      check(mat_a_arg, {mat_b, "mat_b"}, {scales_a, "scales_a"}, {scales_b, "scales_b"}, out_dtype);

  LaunchScope scope(mat_a_arg);
  Tensor out = scope.empty(number_of(out_dtype), problem.m, problem.n);
  if (problem.m == 0 || problem.n == 0) return out;
  if (problem.k == 0) return torch::stable::zero_(out);
  problem.out = out.mutable_data_ptr();
  launch("fp8_blockwise_scaled_mm", kPaths, scope, problem, scope.device(), scope.workspace());
  return out;
}

}  // namespace

WARPWRIGHT_OPERATOR(fp8_blockwise_scaled_mm,
                    "(Tensor mat_a, Tensor mat_b, Tensor scales_a, Tensor scales_b, ScalarType out_dtype) -> Tensor");

}  // namespace warpwright::torch_api
