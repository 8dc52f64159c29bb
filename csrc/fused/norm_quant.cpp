#include "fused/norm_quant.h"

#include "elementwise/norm.h"
#include "quantization/quantize.h"
#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

namespace {

void check_devices(const NormQuant& args) {
  check_same_device(args.weight, args.input);
  if (args.bias != nullptr) check_same_device(*args.bias, args.input);
  if (args.residual != nullptr) check_same_device(*args.residual, args.input);
}

void check_weights(const NormQuant& args) {
  check_dtype(args.input, {ScalarType::Half, ScalarType::BFloat16});
  check_weight_dtype(args.weight, args.input, args.bias != nullptr);
  check_weight_shape(args.weight, args.input);
  if (args.bias == nullptr) return;
  check_same_dtype(*args.bias, args.weight);
  check_weight_shape(*args.bias, args.input);
}

void check_scales(const NormQuant& args) {
  switch (args.scale_of) {
    case ScaleOf::kTensor:
      return check_tensor_scale(args.scales);
    case ScaleOf::kRow:
      return check_row_scales(args.scales, args.out);
    case ScaleOf::kGroup:
      return check_group_scales(args.scales, args.out, args.group);
  }
}

// Nothing that is written has a byte in common with another argument.
void check_memory(const NormQuant& args, RowProblem& problem) {
  const Rows out_rows = rows_of(args.out, problem.out_stride);
  check_apart(args.out, out_rows, args.weight, span_of(args.weight));
  if (args.bias != nullptr) check_apart(args.out, out_rows, *args.bias, span_of(*args.bias));
  if (args.residual == nullptr) return;
  problem.residual_stride = out_row_stride(*args.residual);
  const Rows residual_rows = rows_of(*args.residual, problem.residual_stride);
  check_apart(args.out, out_rows, *args.residual, residual_rows);
  check_apart(*args.residual, residual_rows, args.input, rows_of(args.input, problem.input_stride));
  check_apart(*args.residual, residual_rows, args.weight, span_of(args.weight));
  check_apart(*args.residual, residual_rows, args.scales, span_of(args.scales));
}

}  // namespace

RowProblem check_norm_quant(const NormQuant& args) {
  check_devices(args);
  check_quantized(args.input, args.out, args.scales);
  check_weights(args);
  if (args.residual != nullptr) {
    check_same_dtype(*args.residual, args.input);
    check_same_shape(*args.residual, args.input);
    check_inner_stride(*args.residual);
  }
  check_scales(args);
  if (args.input.numel() == 0) return {};
  RowProblem problem = quantized_rows(args.input, args.out, args.scales, args.scale_of, args.group);
  check_memory(args, problem);
  problem.weight = args.weight.data();
  problem.weight_dtype = to_dtype(args.weight.dtype_number());
  if (args.bias != nullptr) problem.bias = args.bias->data();
  return problem;
}

}  // namespace warpwright::torch_api
