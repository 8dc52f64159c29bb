#include <tuple>
#include <vector>

#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/paths/per_token_quant_int8.h"
#include "warpwright/quantization/quantize.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_per_token_quant_int8};
constexpr float kEps = 1e-10f;

// A problem without rows where there is nothing to write.
RowProblem check(const Arg& x) {
  check_min_dim(x, 1);
  check_dtype(x, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_inner_stride(x);
  RowProblem problem;
  problem.hidden = problem.out_stride = x.size(x.dim() - 1);
  if (x.numel() == 0) return problem;
  problem.input_stride = row_stride(x);
  problem.rows = x.numel() / problem.hidden;
  problem.input = x.data();
  problem.dtype = to_dtype(x.dtype_number());
  Quantization& to = problem.quantization;
  to.dtype = Dtype::kInt8;
  to.scale_of = ScaleOf::kRow;
  to.scale_row_stride = 1;
  to.hold_between(-128.f, 127.f);
  to.eps = kEps;
  return problem;
}

std::tuple<Tensor, Tensor> per_token_quant_int8(const Tensor& x) {
  const Arg arg{x, "x"};
  RowProblem problem = check(arg);

  LaunchScope scope(arg);
  std::vector<int64_t> sizes;
  for (int64_t dim = 0; dim < arg.dim(); ++dim) sizes.push_back(arg.size(dim));
  Tensor out = scope.empty(number_of(ScalarType::Char), sizes);
  sizes.back() = 1;
  Tensor scales = scope.empty(number_of(ScalarType::Float), sizes);
  if (problem.rows == 0) return {out, scales};
  problem.out = out.mutable_data_ptr();
  problem.quantization.scales = scales.mutable_data_ptr();
  launch_dependent("per_token_quant_int8", kPaths, scope, problem, std::nullopt, scope.device());
  return {out, scales};
}

}  // namespace

WARPWRIGHT_OPERATOR(per_token_quant_int8, "(Tensor x) -> (Tensor, Tensor)");

}  // namespace warpwright::torch_api
