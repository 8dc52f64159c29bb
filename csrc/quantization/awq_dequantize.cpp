#include "quantization/marlin_arguments.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/awq_dequantize.h"
#include "warpwright/quantization/int4.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DequantizeLaunch> kPaths[] = {WARPWRIGHT_PATHS_awq_dequantize};

void check_words(const Arg& arg) {
  check_dim(arg, 2);
  check_dtype(arg, {ScalarType::Int});
  check_contiguous(arg);
}

void check_scales(const Arg& arg) {
  check_dim(arg, 2);
  check_dtype(arg, {ScalarType::Half, ScalarType::BFloat16});
  check_contiguous(arg);
  check_aligned(arg, 16);
}

void check_sizes(const Arg& scales, const Arg& qzeros, int64_t k, int64_t n, int64_t groups) {
  check_at_most("K, the rows of qweight,", k, kMostInt4, "more rows are not supported");
  check_at_most("N, eight times the columns of qweight,", n, kMostInt4, "more columns are not supported");
  check_size(scales, 1, n, "eight times the columns of qweight");
  check_size(qzeros, 0, groups, "one row for each group, as scales has");
  check_size(qzeros, 1, n / 8, "the columns of qweight");
  WARPWRIGHT_CHECK(groups > 0 && k % groups == 0, "scales has ", groups, " rows for ", k,
                   " rows of qweight, expected groups of equal size");
}

DequantizeProblem check(const Arg& qweight, const Arg& scales, const Arg& qzeros) {
  check_words(qweight);
  check_same_device(qzeros, qweight);
  check_words(qzeros);
  check_same_device(scales, qweight);
  check_scales(scales);
  DequantizeProblem problem;
  problem.k = qweight.size(0);
  problem.n = 8 * qweight.size(1);
  problem.groups = scales.size(0);
  check_sizes(scales, qzeros, problem.k, problem.n, problem.groups);
  problem.weights = qweight.data_of<int32_t>();
  problem.scales = scales.data();
  problem.zeros = qzeros.data_of<int32_t>();
  problem.dtype = to_dtype(scales.dtype_number());
  return problem;
}

Tensor awq_dequantize(const Tensor& qweight, const Tensor& scales, const Tensor& qzeros) {
  const Arg qweight_arg{qweight, "qweight"}, scales_arg{scales, "scales"};
  DequantizeProblem problem = check(qweight_arg, scales_arg, {qzeros, "qzeros"});

  LaunchScope scope(qweight_arg);
  Tensor out = scope.empty(scales_arg.dtype_number(), problem.k, problem.n);
  if (problem.k == 0 || problem.n == 0) return out;
  problem.out = out.mutable_data_ptr();
  launch("awq_dequantize", kPaths, scope, problem);
  return out;
}

}  // namespace

WARPWRIGHT_OPERATOR(awq_dequantize, "(Tensor qweight, Tensor scales, Tensor qzeros) -> Tensor");

}  // namespace warpwright::torch_api
