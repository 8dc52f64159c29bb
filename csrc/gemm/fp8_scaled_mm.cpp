#include "gemm/gemm.h"
#include "gemm/scaled_mm.h"
#include "warpwright/paths.h"

namespace warpwright::torch_api {

namespace {
constexpr SmPath<ScaledMmLaunch> kPaths[] = {WARPWRIGHT_PATHS_fp8_scaled_mm(WARPWRIGHT_PATH){}};
}

Tensor fp8_scaled_mm(const Tensor& mat_a, const Tensor& mat_b, const Tensor& scales_a, const Tensor& scales_b,
                     ScalarType out_dtype, std::optional<Tensor> bias) {
  return scaled_mm("fp8_scaled_mm", ScalarType::Float8_e4m3fn, kPaths,
                   {mat_a, mat_b, scales_a, scales_b, out_dtype, bias});
}

}  // namespace warpwright::torch_api
