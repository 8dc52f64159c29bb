#include <torch/csrc/stable/ops.h>

#include "gemm/gemm.h"
#include "gemm/mm_arguments.h"
#include "torch/launch.h"
#include "warpwright/gemm/blockwise_scaled_mm.h"
#include "warpwright/paths.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<BlockwiseScaledMmLaunch> kPaths[] = {WARPWRIGHT_PATHS_fp8_blockwise_scaled_mm(WARPWRIGHT_PATH){}};

int64_t blocks(int64_t size) { return (size + kScaleBlock - 1) / kScaleBlock; }

void check_scales(const Arg& arg, const Arg& mat_a, int64_t rows, int64_t columns, const char* rows_are,
                  const char* columns_are) {
  check_same_device(arg, mat_a);
  check_dtype(arg, {ScalarType::Float});
  check_dim(arg, 2);
  check_size(arg, 0, rows, rows_are);
  check_size(arg, 1, columns, columns_are);
}

BlockScales scales_of(const Arg& scales, int64_t outer, int64_t k) {
  return {static_cast<const float*>(scales.tensor.const_data_ptr()), scales.stride(outer), scales.stride(k)};
}

}  // namespace

Tensor fp8_blockwise_scaled_mm(const Tensor& mat_a, const Tensor& mat_b, const Tensor& scales_a, const Tensor& scales_b,
                               ScalarType out_dtype) {
  const Arg mat_a_arg{mat_a, "mat_a"}, mat_b_arg{mat_b, "mat_b"};
  const Arg scales_a_arg{scales_a, "scales_a"}, scales_b_arg{scales_b, "scales_b"};
  check_mm_matrices(mat_a_arg, mat_b_arg, ScalarType::Float8_e4m3fn, out_dtype);
  BlockwiseScaledMmProblem problem;
  problem.m = mat_a_arg.size(0);
  problem.k = mat_a_arg.size(1);
  problem.n = mat_b_arg.size(1);
  problem.lda = leading_stride(mat_a_arg, 1, "row-major");
  problem.ldb = leading_stride(mat_b_arg, 0, "column-major");
  check_scales(scales_a_arg, mat_a_arg, problem.m, blocks(problem.k), "the rows of mat_a",
               "one for each 128 columns of mat_a");
  check_scales(scales_b_arg, mat_a_arg, blocks(problem.k), blocks(problem.n),
               "one for each 128 rows of mat_b", "one for each 128 columns of mat_b");

  LaunchScope scope(mat_a);
  Tensor out = empty_mm_output(mat_a_arg, out_dtype, problem.m, problem.n);
  if (problem.m == 0 || problem.n == 0) return out;
  if (problem.k == 0) return torch::stable::zero_(out);
  check_aligned(mat_a_arg, 16);
  check_aligned(mat_b_arg, 16);
  problem.a = mat_a.const_data_ptr();
  problem.b = mat_b.const_data_ptr();
  problem.out = out.mutable_data_ptr();
  problem.out_dtype = to_dtype(out_dtype);
  problem.scale_a = scales_of(scales_a_arg, 0, 1);
  problem.scale_b = scales_of(scales_b_arg, 1, 0);
  problem.tile = forced_tile();

  const char* op = "fp8_blockwise_scaled_mm";
  const auto& path = path_for(op, kPaths, scope.device());
  check_launch(op, path.launch(problem, scope.device(), scope.workspace(), scope.stream()));
  return out;
}

}  // namespace warpwright::torch_api
