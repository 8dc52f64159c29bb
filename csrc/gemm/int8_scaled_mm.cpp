#include "gemm/gemm.h"
#include "gemm/scaled_mm.h"
#include "warpwright/paths.h"

namespace warpwright::torch_api {

namespace {
constexpr SmPath<ScaledMmLaunch> kPaths[] = {WARPWRIGHT_PATHS_int8_scaled_mm(WARPWRIGHT_PATH){}};
}

Tensor int8_scaled_mm(const Tensor& mat_a, const Tensor& mat_b, const Tensor& scales_a, const Tensor& scales_b,
                      ScalarType out_dtype, std::optional<Tensor> bias) {
  return scaled_mm("int8_scaled_mm", ScalarType::Char, kPaths,
                   {mat_a, mat_b, scales_a, scales_b, out_dtype, bias});
}

}  // namespace warpwright::torch_api
