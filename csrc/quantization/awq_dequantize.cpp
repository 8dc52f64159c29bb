#include <torch/csrc/stable/ops.h>

#include "quantization/quantization.h"
#include "quantization/marlin_arguments.h"
#include "torch/launch.h"
#include "warpwright/paths.h"
#include "warpwright/quantization/int4.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DequantizeLaunch> kPaths[] = {WARPWRIGHT_PATHS_awq_dequantize(WARPWRIGHT_PATH){}};

void check_words(const Arg& arg, const Arg& first) {
  check_same_device(arg, first);
  check_dim(arg, 2);
  check_dtype(arg, {ScalarType::Int});
  check_contiguous(arg);
}

}  // namespace

Tensor awq_dequantize(const Tensor& qweight, const Tensor& scales, const Tensor& qzeros) {
  const Arg words{qweight, "qweight"}, qzeros_arg{qzeros, "qzeros"}, scales_arg{scales, "scales"};
  check_words(words, words);
  check_words(qzeros_arg, words);
  check_same_device(scales_arg, words);
  check_dim(scales_arg, 2);
  check_dtype(scales_arg, {ScalarType::Half, ScalarType::BFloat16});
  check_contiguous(scales_arg);
  check_aligned(scales_arg, 16);
  const int64_t k = words.size(0), n = 8 * words.size(1), groups = scales_arg.size(0);
  check_at_most("K, the rows of qweight,", k, kMostInt4, "more rows are not supported");
  check_at_most("N, eight times the columns of qweight,", n, kMostInt4, "more columns are not supported");
  check_size(scales_arg, 1, n, "eight times the columns of qweight");
  check_size(qzeros_arg, 0, groups, "one row for each group, as scales has");
  check_size(qzeros_arg, 1, n / 8, "the columns of qweight");
  WARPWRIGHT_CHECK(groups > 0 && k % groups == 0, "scales has ", groups, " rows for ", k,
                   " rows of qweight, expected groups of equal size");

  LaunchScope scope(qweight);
  Tensor out = torch::stable::new_empty(scales, {k, n});
  if (out.numel() == 0) return out;
  DequantizeProblem problem;
  problem.out = out.mutable_data_ptr();
  problem.weights = static_cast<const int32_t*>(qweight.const_data_ptr());
  problem.scales = scales.const_data_ptr();
  problem.zeros = static_cast<const int32_t*>(qzeros.const_data_ptr());
  problem.k = k;
  problem.n = n;
  problem.groups = groups;
  problem.dtype = to_dtype(scales_arg);
  const auto& path = path_for("awq_dequantize", kPaths, scope.device());
  check_launch("awq_dequantize", path.launch(problem, scope.stream()));
  return out;
}

}  // namespace warpwright::torch_api
