#include "quantization/quantize.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/sgl_per_token_quant_fp8.h"
#include "warpwright/quantization/quantize.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_sgl_per_token_quant_fp8};

void sgl_per_token_quant_fp8(const Tensor& input, const Tensor& output_q, const Tensor& output_s) {
  const Arg input_arg{input, "input"}, out{output_q, "output_q"}, scales{output_s, "output_s"};
  check_quantized(input_arg, out, scales, {ScalarType::Float8_e4m3fn});
  check_row_scales(scales, out);
  if (out.numel() == 0) return;
  RowProblem problem = quantized_rows(input_arg, out, scales, ScaleOf::kRow);

  LaunchScope scope(input_arg);
  problem.out = output_q.mutable_data_ptr();
  problem.quantization.scales = output_s.mutable_data_ptr();
  launch_dependent("sgl_per_token_quant_fp8", kPaths, scope, problem, std::nullopt, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(sgl_per_token_quant_fp8, "(Tensor input, Tensor! output_q, Tensor! output_s) -> ()");

}  // namespace warpwright::torch_api
