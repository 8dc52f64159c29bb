// The checks of weights in Marlin's order, which the product and the dequantisation share.
#pragma once

#include <optional>

#include "torch/checks.h"
#include "warpwright/quantization/int4.h"

namespace warpwright::torch_api {

// Rows, and columns: the kernels count them in 32 bits, with room for a block beyond the end.
constexpr int64_t kMostInt4 = int64_t{1} << 30;

// Weights of 4 bits in Marlin's order with their scales and zero points, all on one GPU.
struct MarlinArguments {
  Arg weights, scales;
  std::optional<Arg> zeros, g_idx;

  MarlinArguments(const Tensor& b_q_weight, const Tensor& b_scales, const std::optional<Tensor>& b_zeros,
                  const std::optional<Tensor>& g_idx)
      : weights(b_q_weight, "b_q_weight"),
        scales(b_scales, "b_scales"),
        zeros(optional_arg(b_zeros, "b_zeros")),
        g_idx(optional_arg(g_idx, "g_idx")) {}
};

// What it takes to have them in full, but for the output.
DequantizeProblem check_marlin(const MarlinArguments& args);

// Numbers, one for each of the k rows of the weights: checked but for their values, which are on the GPU.
void check_index(const Arg& arg, const Arg& weights, int64_t k, const char* why);

}  // namespace warpwright::torch_api
