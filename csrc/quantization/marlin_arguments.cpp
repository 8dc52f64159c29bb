#include "quantization/marlin_arguments.h"

#include "warpwright/quantization/marlin_layout.h"

namespace warpwright::torch_api {

namespace {

void check_weights_and_scales(const Arg& weights, const Arg& scales) {
  check_dtype(weights, {ScalarType::Int});
  check_dim(weights, 2);
  check_contiguous(weights);
  check_aligned(weights, 16);
  check_same_device(scales, weights);
  check_dtype(scales, {ScalarType::Half, ScalarType::BFloat16});
  check_dim(scales, 2);
  check_contiguous(scales);
  check_aligned(scales, 16);
}

void check_sizes(const MarlinArguments& args, int64_t k, int64_t n, int64_t groups) {
  check_multiple("2 N, the columns of b_q_weight,", args.weights.size(1), 2 * marlin::kTileN);
  check_at_most("K, 16 times the rows of b_q_weight,", k, kMostInt4, "more rows are not supported");
  check_at_most("N, half of the columns of b_q_weight,", n, kMostInt4, "more columns are not supported");
  check_size(args.scales, 1, n, "half of the columns of b_q_weight");
  WARPWRIGHT_CHECK(groups > 0, "b_scales has no row, expected one for each group of K");
  WARPWRIGHT_CHECK(args.g_idx.has_value() || groups == 1 || k % (groups * marlin::kTileK) == 0, "b_scales has ", groups,
                   " groups for K ", k, ", expected groups of a multiple of ", marlin::kTileK,
                   " rows: of 32, 64 or 128, or one of all");
}

void check_zeros(const Arg& arg, const Arg& weights, int64_t groups, int64_t n) {
  check_same_device(arg, weights);
  check_dtype(arg, {ScalarType::Int});
  check_dim(arg, 2);
  check_size(arg, 0, groups, "one row for each group, as b_scales has");
  check_size(arg, 1, n / 8, "eight zero points in each word");
  check_contiguous(arg);
  check_aligned(arg, 16);
}

}  // namespace

void check_index(const Arg& arg, const Arg& weights, int64_t k, const char* why) {
  check_same_device(arg, weights);
  check_dtype(arg, {ScalarType::Int});
  check_numel(arg, k, why);
  check_contiguous(arg);
}

DequantizeProblem check_marlin(const MarlinArguments& args) {
  check_weights_and_scales(args.weights, args.scales);
  DequantizeProblem problem;
  problem.k = args.weights.size(0) * marlin::kTileK;
  problem.n = args.weights.size(1) / 2;
  problem.groups = args.scales.size(0);
  check_sizes(args, problem.k, problem.n, problem.groups);
  if (args.zeros.has_value()) check_zeros(*args.zeros, args.weights, problem.groups, problem.n);
  if (args.g_idx.has_value()) {
    check_index(*args.g_idx, args.weights, problem.k, "the group of each row of the weights");
  }
  problem.weights = args.weights.data_of<int32_t>();
  problem.scales = args.scales.data();
  problem.zeros = data_of<int32_t>(args.zeros);
  problem.g_idx = data_of<int32_t>(args.g_idx);
  problem.dtype = to_dtype(args.scales.dtype_number());
  return problem;
}

}  // namespace warpwright::torch_api
