#include "quantization/group_quant.h"

#include "quantization/quantize.h"
#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

namespace {

void check_masked(const Arg& masked, const Arg& out) {
  check_same_device(masked, out);
  check_dtype(masked, {ScalarType::Int});
  check_dim(out, 3);
  check_dim(masked, 1);
  check_size(masked, 0, out.size(0), "one number for each expert");
  check_contiguous(masked);
}

}  // namespace

void group_quant(const char* op, const SmPath<RowLaunch>* paths, std::initializer_list<ScalarType> out_types,
                 const GroupQuantArgs& args) {
  const Arg input{args.input, "input"}, out{args.output_q, "output_q"}, scales{args.output_s, "output_s"};
  const std::optional<Arg> masked = optional_arg(args.masked_m, "masked_m");
  check_quantized(input, out, scales, out_types, args.fuse_silu_and_mul);
  if (masked.has_value()) check_masked(*masked, out);
  check_group_scales(scales, out, args.group_size, args.scale_ue8m0);
  if (out.numel() == 0) return;
  RowProblem problem = quantized_rows(input, out, scales, ScaleOf::kGroup, args.group_size);
  if (masked.has_value()) {
    check_apart(out, rows_of(out, problem.out_stride), *masked, span_of(*masked));
    check_apart(scales, span_of(scales), *masked, span_of(*masked));
    set_experts(problem, scales);
    problem.rows_of_expert = masked->data_of<int32_t>();
  }
  if (problem.expert_rows != 0) {
    check_at_most("the rows of all experts", problem.rows, kMostExpertRows, "32 bits count them");
  }

  Quantization& to = problem.quantization;
  to.hold_between(static_cast<float>(args.least), static_cast<float>(args.most));
  to.eps = static_cast<float>(args.eps);
  to.power_of_two = args.scale_ue8m0;
  LaunchScope scope(input);
  problem.out = args.output_q.mutable_data_ptr();
  to.scales = args.output_s.mutable_data_ptr();
  launch_dependent(op, paths, scope, problem, std::nullopt, scope.device());
}

}  // namespace warpwright::torch_api
