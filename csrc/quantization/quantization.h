// The torch functions of this family, for csrc/registration.cpp.
#pragma once

#include <torch/csrc/stable/tensor.h>

#include <cstdint>
#include <optional>

namespace warpwright::torch_api {

torch::stable::Tensor awq_dequantize(const torch::stable::Tensor& qweight, const torch::stable::Tensor& scales,
                                     const torch::stable::Tensor& qzeros);
torch::stable::Tensor gptq_marlin_dequantize(const torch::stable::Tensor& b_q_weight,
                                             const torch::stable::Tensor& b_scales,
                                             std::optional<torch::stable::Tensor> b_zeros,
                                             std::optional<torch::stable::Tensor> g_idx);
torch::stable::Tensor gptq_marlin_repack(const torch::stable::Tensor& b_q_weight, const torch::stable::Tensor& perm,
                                         int64_t size_k, int64_t size_n, int64_t num_bits);
torch::stable::Tensor awq_marlin_repack(const torch::stable::Tensor& b_q_weight, int64_t size_k, int64_t size_n,
                                        int64_t num_bits);

}  // namespace warpwright::torch_api
