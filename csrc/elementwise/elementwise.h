// The torch functions of this family, for csrc/registration.cpp.
#pragma once

#include <torch/csrc/stable/tensor.h>

namespace warpwright::torch_api {

void rmsnorm(torch::stable::Tensor out, const torch::stable::Tensor& input, const torch::stable::Tensor& weight,
             double eps);
void silu_and_mul(torch::stable::Tensor out, const torch::stable::Tensor& input);

}  // namespace warpwright::torch_api
