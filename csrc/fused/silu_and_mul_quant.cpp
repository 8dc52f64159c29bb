#include "quantization/quantize.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/silu_and_mul_quant.h"
#include "warpwright/quantization/quantize.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_silu_and_mul_quant};

void silu_and_mul_quant(const Tensor& out, const Tensor& input, const Tensor& scale, std::optional<bool> enable_pdl) {
  const Arg input_arg{input, "input"}, out_arg{out, "out"}, scale_arg{scale, "scale"};
  check_quantized(input_arg, out_arg, scale_arg, kQuantizedTypes, true);
  check_tensor_scale(scale_arg);
  if (out_arg.numel() == 0) return;
  RowProblem problem = quantized_rows(input_arg, out_arg, scale_arg, ScaleOf::kTensor);

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  launch_dependent("silu_and_mul_quant", kPaths, scope, problem, enable_pdl, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(silu_and_mul_quant, "(Tensor! out, Tensor input, Tensor scale, bool? enable_pdl=None) -> ()");

}  // namespace warpwright::torch_api
