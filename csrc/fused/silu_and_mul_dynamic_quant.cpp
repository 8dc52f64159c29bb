#include "quantization/quantize.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/silu_and_mul_dynamic_quant.h"
#include "warpwright/quantization/quantize.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RowLaunch> kPaths[] = {WARPWRIGHT_PATHS_silu_and_mul_dynamic_quant};

void silu_and_mul_dynamic_quant(const Tensor& out, const Tensor& scales, const Tensor& input,
                                std::optional<int64_t> group_size, std::optional<bool> enable_pdl) {
  const Arg input_arg{input, "input"}, out_arg{out, "out"}, scales_arg{scales, "scales"};
  check_quantized(input_arg, out_arg, scales_arg, kQuantizedTypes, true);
  if (group_size.has_value()) {
    check_group_scales(scales_arg, out_arg, *group_size);
  } else {
    check_row_scales(scales_arg, out_arg);
  }
  if (out_arg.numel() == 0) return;
  const ScaleOf scale_of = group_size.has_value() ? ScaleOf::kGroup : ScaleOf::kRow;
  RowProblem problem = quantized_rows(input_arg, out_arg, scales_arg, scale_of, group_size.value_or(0));

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  problem.quantization.scales = scales.mutable_data_ptr();
  launch_dependent("silu_and_mul_dynamic_quant", kPaths, scope, problem, enable_pdl, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(silu_and_mul_dynamic_quant,
                    "(Tensor! out, Tensor! scales, Tensor input, int? group_size=None, bool? enable_pdl=None) -> ()");

}  // namespace warpwright::torch_api
