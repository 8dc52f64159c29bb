// The checks of weights in Marlin's order, which the product and the dequantisation share.
#pragma once

#include <torch/csrc/stable/tensor.h>

#include <optional>

#include "torch/checks.h"
#include "torch/launch.h"

namespace warpwright::torch_api {

// Rows, and columns: the kernels count them in 32 bits, with room for a block beyond the end.
constexpr int64_t kMostInt4 = int64_t{1} << 30;

// Weights of 4 bits in Marlin's order with their scales and zero points, all on one GPU.
struct MarlinWeights {
  const int32_t* weights = nullptr;
  const void* scales = nullptr;
  const int32_t* zeros = nullptr;
  const int32_t* g_idx = nullptr;
  int64_t k = 0, n = 0, groups = 0;
};

MarlinWeights check_marlin_weights(const Tensor& b_q_weight, const Tensor& b_scales,
                                   const std::optional<Tensor>& b_zeros, const std::optional<Tensor>& g_idx);

// Numbers, one for each of the k rows of the weights: checked but for their values, which are on the GPU.
const int32_t* index_of(const Arg& arg, const Arg& weights, int64_t k, const char* why);

// The weights in full, (k, n) in the dtype of their scales.
Tensor dequantize_marlin(LaunchScope& scope, const Tensor& b_scales, const MarlinWeights& weights);

// Marlin's tiles are 16 rows of k by 64 columns.
void check_marlin_size(int64_t size_k, int64_t size_n);

}  // namespace warpwright::torch_api
