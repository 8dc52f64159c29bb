#include "gemm/scaled_mm.h"

#include <torch/csrc/stable/ops.h>

#include "gemm/mm_arguments.h"
#include "torch/launch.h"

namespace warpwright::torch_api {

namespace {

Scale scale_of(const Arg& arg, const Arg& matrix, int64_t count) {
  check_same_device(arg, matrix);
  check_dtype(arg, {ScalarType::Float});
  if (arg.numel() != 1) check_numel(arg, count, "one for each row of its matrix, or one for all");
  check_contiguous(arg);
  return Scale{static_cast<const float*>(arg.tensor.const_data_ptr()), arg.numel() == 1};
}

const void* bias_of(const std::optional<Tensor>& bias, const Arg& mat_a, ScalarType out_dtype, int64_t n) {
  if (!bias.has_value()) return nullptr;
  const Arg arg{*bias, "bias"};
  check_same_device(arg, mat_a);
  check_dtype(arg, {out_dtype});
  check_numel(arg, n, "one for each column of mat_b");
  check_contiguous(arg);
  check_aligned(arg, 16);
  return bias->const_data_ptr();
}

// The sum of no products is zero, which leaves the bias. copy_ broadcasts it over the rows, whatever its own shape was.
void fill_with_bias(Tensor& out, const std::optional<Tensor>& bias) {
  if (bias.has_value()) {
    torch::stable::copy_(out, bias->dim() == 1 ? *bias : torch::stable::flatten(*bias, 0, -1));
  } else {
    torch::stable::zero_(out);
  }
}

}  // namespace

Tensor scaled_mm(const char* op, ScalarType element, const SmPath<ScaledMmLaunch>* paths,
                 const ScaledMmArguments& args) {
  const Arg mat_a{args.mat_a, "mat_a"}, mat_b{args.mat_b, "mat_b"};
  check_mm_matrices(mat_a, mat_b, element, args.out_dtype);
  ScaledMmProblem problem;
  problem.m = mat_a.size(0);
  problem.k = mat_a.size(1);
  problem.n = mat_b.size(1);
  problem.lda = leading_stride(mat_a, 1, "row-major");
  problem.ldb = leading_stride(mat_b, 0, "column-major");
  problem.scale_a = scale_of({args.scales_a, "scales_a"}, mat_a, problem.m);
  problem.scale_b = scale_of({args.scales_b, "scales_b"}, mat_a, problem.n);
  problem.bias = bias_of(args.bias, mat_a, args.out_dtype, problem.n);

  LaunchScope scope(args.mat_a);
  Tensor out = empty_mm_output(mat_a, args.out_dtype, problem.m, problem.n);
  if (problem.m == 0 || problem.n == 0) return out;
  if (problem.k == 0) {
    fill_with_bias(out, args.bias);
    return out;
  }
  check_aligned(mat_a, 16);
  check_aligned(mat_b, 16);
  problem.a = args.mat_a.const_data_ptr();
  problem.b = args.mat_b.const_data_ptr();
  problem.out = out.mutable_data_ptr();
  problem.out_dtype = to_dtype(args.out_dtype);
  problem.tile = forced_tile();

  const auto& path = path_for(op, paths, scope.device());
  check_launch(op, path.launch(problem, scope.device(), scope.workspace(), scope.stream()));
  return out;
}

}  // namespace warpwright::torch_api
