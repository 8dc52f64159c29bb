// Every operator: its schema and its CUDA function. The CPU references and the fake kernels are registered in Python.

#include <dlfcn.h>
#include <torch/csrc/stable/library.h>

#include <string>

#include "elementwise/elementwise.h"
#include "gemm/gemm.h"
#include "quantization/quantization.h"
#include "torch/obstacle.h"
#include "warpwright/paths.h"

namespace warpwright::torch_api {

// The SMs that each operator has code for in this binary, as "name: 75 80 90a; name: ...".
std::string compiled_paths() {
  std::string text;
#define WARPWRIGHT_OPERATOR(name, sms) text += #name ": " sms "; ";
  WARPWRIGHT_OPERATORS(WARPWRIGHT_OPERATOR)
#undef WARPWRIGHT_OPERATOR
  return text;
}

// Where this binary was loaded from. A second copy in one process asks for it before it is loaded.
std::string library_path() {
  static const char own = 0;
  Dl_info info{};
  return dladdr(&own, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

std::string obstacle_of(bool torch_has_cuda, int64_t driver, int64_t device, int64_t sm, std::string sms, bool runs,
                        std::string forced) {
  return obstacle({torch_has_cuda, driver, device, sm, sms, runs, forced});
}

}  // namespace warpwright::torch_api

STABLE_TORCH_LIBRARY(warpwright, m) {
  m.def("rmsnorm(Tensor! out, Tensor input, Tensor weight, float eps) -> ()");
  m.def("silu_and_mul(Tensor! out, Tensor input) -> ()");
  m.def(
      "int8_scaled_mm(Tensor mat_a, Tensor mat_b, Tensor scales_a, Tensor scales_b, ScalarType out_dtype, "
      "Tensor? bias) -> Tensor");
  m.def(
      "fp8_scaled_mm(Tensor mat_a, Tensor mat_b, Tensor scales_a, Tensor scales_b, ScalarType out_dtype, "
      "Tensor? bias) -> Tensor");
  m.def(
      "fp8_blockwise_scaled_mm(Tensor mat_a, Tensor mat_b, Tensor scales_a, Tensor scales_b, ScalarType out_dtype) -> "
      "Tensor");
  m.def(
      "gptq_marlin_gemm(Tensor! out, Tensor a, Tensor b_q_weight, Tensor b_scales, Tensor? b_zeros, Tensor? g_idx, "
      "Tensor? perm) -> ()");
  m.def("gptq_marlin_dequantize(Tensor b_q_weight, Tensor b_scales, Tensor? b_zeros, Tensor? g_idx) -> Tensor");
  m.def("gptq_marlin_repack(Tensor b_q_weight, Tensor perm, SymInt size_k, SymInt size_n, int num_bits) -> Tensor");
  m.def("awq_marlin_repack(Tensor b_q_weight, SymInt size_k, SymInt size_n, int num_bits) -> Tensor");
  m.def("awq_dequantize(Tensor qweight, Tensor scales, Tensor qzeros) -> Tensor");
  m.def("compiled_paths() -> str");
  m.def("library_path() -> str");
  m.def("obstacle(bool torch_has_cuda, int driver, int device, int sm, str sms, bool runs, str forced) -> str");
  m.def("driver_version() -> int");
}

STABLE_TORCH_LIBRARY_IMPL(warpwright, CUDA, m) {
  m.impl("rmsnorm", TORCH_BOX(&warpwright::torch_api::rmsnorm));
  m.impl("silu_and_mul", TORCH_BOX(&warpwright::torch_api::silu_and_mul));
  m.impl("int8_scaled_mm", TORCH_BOX(&warpwright::torch_api::int8_scaled_mm));
  m.impl("fp8_scaled_mm", TORCH_BOX(&warpwright::torch_api::fp8_scaled_mm));
  m.impl("fp8_blockwise_scaled_mm", TORCH_BOX(&warpwright::torch_api::fp8_blockwise_scaled_mm));
  m.impl("gptq_marlin_gemm", TORCH_BOX(&warpwright::torch_api::gptq_marlin_gemm));
  m.impl("gptq_marlin_dequantize", TORCH_BOX(&warpwright::torch_api::gptq_marlin_dequantize));
  m.impl("gptq_marlin_repack", TORCH_BOX(&warpwright::torch_api::gptq_marlin_repack));
  m.impl("awq_marlin_repack", TORCH_BOX(&warpwright::torch_api::awq_marlin_repack));
  m.impl("awq_dequantize", TORCH_BOX(&warpwright::torch_api::awq_dequantize));
}

STABLE_TORCH_LIBRARY_IMPL(warpwright, CompositeExplicitAutograd, m) {
  m.impl("compiled_paths", TORCH_BOX(&warpwright::torch_api::compiled_paths));
  m.impl("library_path", TORCH_BOX(&warpwright::torch_api::library_path));
  m.impl("obstacle", TORCH_BOX(&warpwright::torch_api::obstacle_of));
  m.impl("driver_version", TORCH_BOX(&warpwright::torch_api::driver_version));
}
