#include "gemm/scaled_mm.h"

#include <torch/csrc/stable/ops.h>

#include "gemm/mm_arguments.h"
#include "torch/checks.h"
#include "torch/launch.h"

namespace warpwright::torch_api {

namespace {

Scale check_scale(const Arg& arg, const Arg& mat_a, int64_t count) {
  check_same_device(arg, mat_a);
  check_dtype(arg, {ScalarType::Float});
  const bool per_tensor = arg.numel() == 1;
  if (!per_tensor) check_numel(arg, count, "one for each row of its matrix, or one for all");
  check_contiguous(arg);
  return {arg.data_of<float>(), per_tensor};
}

void check_bias(const Arg& arg, const Arg& mat_a, ScalarType out_dtype, int64_t n) {
  check_same_device(arg, mat_a);
  check_dtype(arg, {out_dtype});
  check_numel(arg, n, "one for each column of mat_b");
  check_contiguous(arg);
  check_aligned(arg, 16);
}

ScaledMmProblem check(const Arg& mat_a, ScalarType element, const ScaledMmArguments& args) {
  const Arg mat_b{args.mat_b, "mat_b"};
  const std::optional<Arg> bias = optional_arg(args.bias, "bias");
  auto problem = check_mm<ScaledMmProblem>(mat_a, mat_b, element, args.out_dtype);
  problem.scale_a = check_scale({args.scales_a, "scales_a"}, mat_a, problem.m);
  problem.scale_b = check_scale({args.scales_b, "scales_b"}, mat_a, problem.n);
  if (bias.has_value()) check_bias(*bias, mat_a, args.out_dtype, problem.n);
  problem.bias = data_of<void>(bias);
  check_mm_starts(mat_a, mat_b);
  return problem;
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
  const Arg mat_a{args.mat_a, "mat_a"};
  ScaledMmProblem problem = check(mat_a, element, args);

  LaunchScope scope(mat_a);
  Tensor out = scope.empty(number_of(args.out_dtype), problem.m, problem.n);
  if (problem.m == 0 || problem.n == 0) return out;
  if (problem.k == 0) {
    fill_with_bias(out, args.bias);
    return out;
  }
  problem.out = out.mutable_data_ptr();
  launch(op, paths, scope, problem, scope.device(), scope.workspace());
  return out;
}

}  // namespace warpwright::torch_api
