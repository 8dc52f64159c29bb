#include "warpwright/gemm/gptq_marlin_gemm.h"

#include <torch/csrc/stable/ops.h>

#include "gemm/gemm.h"
#include "quantization/marlin_arguments.h"
#include "torch/launch.h"
#include "warpwright/paths.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<MarlinGemmLaunch> kPaths[] = {WARPWRIGHT_PATHS_gptq_marlin_gemm(WARPWRIGHT_PATH){}};

// Rows of a are read, and rows of out written, in their own stride.
int64_t stride_of(const Arg& arg) {
  check_inner_stride(arg);
  const int64_t stride = arg.tensor.size(0) > 1 ? arg.tensor.stride(0) : arg.tensor.size(1);
  WARPWRIGHT_CHECK(stride >= arg.tensor.size(1), "the stride of ", arg.name, " in dimension 0 is ", stride,
                   ", expected at least ", arg.tensor.size(1), ": rows may not overlap");
  return stride;
}

}  // namespace

void gptq_marlin_gemm(Tensor out, const Tensor& a, const Tensor& b_q_weight, const Tensor& b_scales,
                      std::optional<Tensor> b_zeros) {
  const MarlinWeights weights = check_marlin_weights(b_q_weight, b_scales, b_zeros);
  check_same_device(WARPWRIGHT_ARG(a), WARPWRIGHT_ARG(b_q_weight));
  check_same_device(WARPWRIGHT_ARG(out), WARPWRIGHT_ARG(b_q_weight));
  check_same_dtype(WARPWRIGHT_ARG(a), WARPWRIGHT_ARG(b_scales));
  check_same_dtype(WARPWRIGHT_ARG(out), WARPWRIGHT_ARG(b_scales));
  check_dim(WARPWRIGHT_ARG(a), 2);
  check_dim(WARPWRIGHT_ARG(out), 2);
  check_size(WARPWRIGHT_ARG(a), 1, weights.k, "16 times the rows of b_q_weight");
  check_size(WARPWRIGHT_ARG(out), 0, a.size(0), "the rows of a");
  check_size(WARPWRIGHT_ARG(out), 1, weights.n, "half of the columns of b_q_weight");
  if (out.numel() == 0) return;
  check_aligned(WARPWRIGHT_ARG(a), 16);

  MarlinGemmProblem problem;
  problem.out = out.mutable_data_ptr();
  problem.a = a.const_data_ptr();
  problem.weights = weights.weights;
  problem.scales = weights.scales;
  problem.zeros = weights.zeros;
  problem.m = a.size(0);
  problem.n = weights.n;
  problem.k = weights.k;
  problem.groups = weights.groups;
  problem.lda = stride_of(WARPWRIGHT_ARG(a));
  check_multiple("the stride of a in dimension 0", problem.lda, 8);
  problem.ldo = stride_of(WARPWRIGHT_ARG(out));
  problem.dtype = to_dtype(a.scalar_type());

  LaunchScope scope(a);
  if (problem.k == 0) {
    torch::stable::zero_(out);
    return;
  }
  const auto& path = path_for("gptq_marlin_gemm", kPaths, scope.device());
  check_launch("gptq_marlin_gemm", path.launch(problem, scope.device(), scope.workspace(), scope.stream()));
}

}  // namespace warpwright::torch_api
