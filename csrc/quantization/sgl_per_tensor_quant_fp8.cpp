#include "quantization/quantize.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/sgl_per_tensor_quant_fp8.h"
#include "warpwright/quantization/quantize.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<TensorQuantLaunch> kPaths[] = {WARPWRIGHT_PATHS_sgl_per_tensor_quant_fp8};

// Rows one behind the other are one row.
void join_rows(RowProblem& problem) {
  const bool joined = problem.input_stride == problem.hidden && problem.out_stride == problem.hidden;
  if (!joined && problem.rows > 1) return;
  problem.hidden *= problem.rows;
  problem.input_stride = problem.out_stride = problem.hidden;
  problem.rows = 1;
}

void sgl_per_tensor_quant_fp8(const Tensor& input, const Tensor& output_q, const Tensor& output_s, bool is_static) {
  const Arg input_arg{input, "input"}, out{output_q, "output_q"}, scale{output_s, "output_s"};
  check_quantized(input_arg, out, scale, {ScalarType::Float8_e4m3fn});
  check_tensor_scale(scale);
  if (out.numel() == 0) return;
  RowProblem problem = quantized_rows(input_arg, out, scale, is_static ? ScaleOf::kTensor : ScaleOf::kRow);
  join_rows(problem);

  LaunchScope scope(input_arg);
  problem.out = output_q.mutable_data_ptr();
  problem.quantization.scales = output_s.mutable_data_ptr();
  launch_dependent("sgl_per_tensor_quant_fp8", kPaths, scope, problem, std::nullopt, scope.device(),
                   scope.workspace());
}

}  // namespace

WARPWRIGHT_OPERATOR(sgl_per_tensor_quant_fp8,
                    "(Tensor input, Tensor! output_q, Tensor! output_s, bool is_static) -> ()");

}  // namespace warpwright::torch_api
