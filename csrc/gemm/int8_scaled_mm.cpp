#include "gemm/scaled_mm.h"
#include "torch/operator.h"
#include "warpwright/paths/int8_scaled_mm.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<ScaledMmLaunch> kPaths[] = {WARPWRIGHT_PATHS_int8_scaled_mm};

Tensor int8_scaled_mm(const Tensor& mat_a, const Tensor& mat_b, const Tensor& scales_a, const Tensor& scales_b,
                      ScalarType out_dtype, const std::optional<Tensor>& bias) {
  return scaled_mm("int8_scaled_mm", ScalarType::Char, kPaths, {mat_a, mat_b, scales_a, scales_b, out_dtype, bias});
}

}  // namespace

WARPWRIGHT_OPERATOR(int8_scaled_mm,
                    "(Tensor mat_a, Tensor mat_b, Tensor scales_a, Tensor scales_b, ScalarType out_dtype, "
                    "Tensor? bias) -> Tensor");

}  // namespace warpwright::torch_api
