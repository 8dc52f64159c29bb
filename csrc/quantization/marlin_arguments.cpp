#include "quantization/marlin_arguments.h"

#include "warpwright/quantization/marlin_layout.h"

namespace warpwright::torch_api {

namespace {

const int32_t* zeros_of(const Tensor& zeros, const Arg& weights, int64_t groups, int64_t n) {
  const Arg arg{zeros, "b_zeros"};
  check_same_device(arg, weights);
  check_dtype(arg, {ScalarType::Int});
  check_dim(arg, 2);
  check_size(arg, 0, groups, "one row for each group, as b_scales has");
  check_size(arg, 1, n / 8, "eight zero points in each word");
  check_contiguous(arg);
  check_aligned(arg, 16);
  return static_cast<const int32_t*>(zeros.const_data_ptr());
}

}  // namespace

void check_marlin_size(int64_t size_k, int64_t size_n) {
  WARPWRIGHT_CHECK(size_k >= 0 && size_n >= 0, "size_k and size_n are ", size_k, " and ", size_n,
                   ", expected none below 0");
  check_multiple("size_k", size_k, marlin::kTileK);
  check_multiple("size_n", size_n, marlin::kTileN);
  check_at_most("size_k", size_k, kMostInt4, "more rows are not supported");
  check_at_most("size_n", size_n, kMostInt4, "more columns are not supported");
}

const int32_t* index_of(const Arg& arg, const Arg& weights, int64_t k, const char* why) {
  check_same_device(arg, weights);
  check_dtype(arg, {ScalarType::Int});
  check_numel(arg, k, why);
  check_contiguous(arg);
  return static_cast<const int32_t*>(arg.tensor.const_data_ptr());
}

MarlinWeights check_marlin_weights(const Tensor& b_q_weight, const Tensor& b_scales,
                                   const std::optional<Tensor>& b_zeros, const std::optional<Tensor>& g_idx) {
  const Arg weights{b_q_weight, "b_q_weight"}, scales{b_scales, "b_scales"};
  check_dtype(weights, {ScalarType::Int});
  check_dim(weights, 2);
  check_contiguous(weights);
  check_aligned(weights, 16);
  check_same_device(scales, weights);
  check_dtype(scales, {ScalarType::Half, ScalarType::BFloat16});
  check_dim(scales, 2);
  check_contiguous(scales);
  check_aligned(scales, 16);

  MarlinWeights found;
  found.k = weights.size(0) * marlin::kTileK;
  found.n = weights.size(1) / 2;
  found.groups = scales.size(0);
  check_multiple("2 N, the columns of b_q_weight,", weights.size(1), 2 * marlin::kTileN);
  check_at_most("K, 16 times the rows of b_q_weight,", found.k, kMostInt4, "more rows are not supported");
  check_at_most("N, half of the columns of b_q_weight,", found.n, kMostInt4, "more columns are not supported");
  check_size(scales, 1, found.n, "half of the columns of b_q_weight");
  WARPWRIGHT_CHECK(found.groups > 0, "b_scales has no row, expected one for each group of K");
  WARPWRIGHT_CHECK(g_idx.has_value() || found.groups == 1 || found.k % (found.groups * marlin::kTileK) == 0,
                   "b_scales has ", found.groups, " groups for K ", found.k, ", expected groups of a multiple of ",
                   marlin::kTileK, " rows: of 32, 64 or 128, or one of all");
  found.weights = static_cast<const int32_t*>(b_q_weight.const_data_ptr());
  found.scales = b_scales.const_data_ptr();
  if (b_zeros.has_value()) found.zeros = zeros_of(*b_zeros, weights, found.groups, found.n);
  if (g_idx.has_value()) {
    found.g_idx = index_of({*g_idx, "g_idx"}, weights, found.k, "the group of each row of the weights");
  }
  return found;
}

}  // namespace warpwright::torch_api
