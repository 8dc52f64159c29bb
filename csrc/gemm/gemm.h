// The torch functions of this family, for csrc/registration.cpp.
#pragma once

#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <optional>

namespace warpwright::torch_api {

torch::stable::Tensor int8_scaled_mm(const torch::stable::Tensor& mat_a, const torch::stable::Tensor& mat_b,
                                     const torch::stable::Tensor& scales_a, const torch::stable::Tensor& scales_b,
                                     torch::headeronly::ScalarType out_dtype,
                                     std::optional<torch::stable::Tensor> bias);
torch::stable::Tensor fp8_scaled_mm(const torch::stable::Tensor& mat_a, const torch::stable::Tensor& mat_b,
                                    const torch::stable::Tensor& scales_a, const torch::stable::Tensor& scales_b,
                                    torch::headeronly::ScalarType out_dtype,
                                    std::optional<torch::stable::Tensor> bias);
torch::stable::Tensor fp8_blockwise_scaled_mm(const torch::stable::Tensor& mat_a, const torch::stable::Tensor& mat_b,
                                              const torch::stable::Tensor& scales_a,
                                              const torch::stable::Tensor& scales_b,
                                              torch::headeronly::ScalarType out_dtype);
void gptq_marlin_gemm(torch::stable::Tensor out, const torch::stable::Tensor& a,
                      const torch::stable::Tensor& b_q_weight, const torch::stable::Tensor& b_scales,
                      std::optional<torch::stable::Tensor> b_zeros, std::optional<torch::stable::Tensor> g_idx,
                      std::optional<torch::stable::Tensor> perm);

}  // namespace warpwright::torch_api
