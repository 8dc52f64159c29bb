#include "moe/route.h"

#include <tuple>

#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

namespace {

constexpr int64_t kMost = 0x7fffffff;

void check_bias_dtype(const Arg& bias, const Arg& logits) {
  if (logits.dtype_number() == number_of(ScalarType::Float)) {
    check_dtype(bias, {ScalarType::Float});
  } else {
    check_dtype(bias, {ScalarType::Float, logits.dtype()});
  }
}

void check_devices(const ChosenArgs& out, const Arg& logits, const std::optional<Arg>& bias) {
  check_same_device(out.weights, logits);
  check_same_device(out.ids, logits);
  if (bias.has_value()) check_same_device(*bias, logits);
  if (out.source_rows.has_value()) check_same_device(*out.source_rows, logits);
}

void check_outs(const ChosenArgs& out, const Arg& logits) {
  check_dim(out.weights, 2);
  check_dim(out.ids, 2);
  if (out.source_rows.has_value()) check_dim(*out.source_rows, 2);
  check_dtype(out.weights, {ScalarType::Float});
  check_dtype(out.ids, {ScalarType::Int, ScalarType::Long});
  if (out.source_rows.has_value()) check_dtype(*out.source_rows, {ScalarType::Int});
  check_size(out.weights, 0, logits.size(0), "that of gating_output");
  check_same_shape(out.ids, out.weights);
  if (out.source_rows.has_value()) check_same_shape(*out.source_rows, out.weights);
  check_at_most("the size of topk_weights in dimension 1", out.weights.size(1), logits.size(1),
                "there are no more experts");
  if (out.source_rows.has_value()) {
    check_at_most("the number of token_expert_indices", out.source_rows->numel(), kMost, "32 bits count them");
  }
  check_inner_stride(out.weights);
  check_inner_stride(out.ids);
  if (out.source_rows.has_value()) check_inner_stride(*out.source_rows);
}

void check_memory(const ChosenArgs& out, const RouteProblem& p, const Arg& logits, const std::optional<Arg>& bias) {
  const Rows weights = rows_of(out.weights, p.weights_stride), ids = rows_of(out.ids, p.ids_stride);
  const Rows read = rows_of(logits, p.logits_stride);
  check_apart(out.weights, weights, logits, read);
  if (bias.has_value()) check_apart(out.weights, weights, *bias, span_of(*bias));
  check_apart(out.ids, ids, logits, read);
  if (bias.has_value()) check_apart(out.ids, ids, *bias, span_of(*bias));
  check_apart(out.ids, ids, out.weights, weights);
  if (!out.source_rows.has_value()) return;
  const Rows rows = rows_of(*out.source_rows, p.source_rows_stride);
  check_apart(*out.source_rows, rows, logits, read);
  if (bias.has_value()) check_apart(*out.source_rows, rows, *bias, span_of(*bias));
  check_apart(*out.source_rows, rows, out.weights, weights);
  check_apart(*out.source_rows, rows, out.ids, ids);
}

}  // namespace

void check_logits(const Arg& logits, const std::optional<Arg>& bias) {
  check_dim(logits, 2);
  if (bias.has_value()) check_dim(*bias, 1);
  check_dtype(logits, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  if (bias.has_value()) check_bias_dtype(*bias, logits);
  if (bias.has_value()) check_size(*bias, 0, logits.size(1), "one for each expert");
  check_at_most("the number of experts", logits.size(1), kMost, "32 bits count them");
  check_inner_stride(logits);
  if (bias.has_value()) check_contiguous(*bias);
}

RouteProblem route_of(const Arg& logits, const std::optional<Arg>& bias) {
  RouteProblem problem;
  problem.tokens = logits.size(0);
  problem.experts = logits.size(1);
  problem.logits = logits.data();
  problem.logits_stride = row_stride(logits);
  problem.dtype = to_dtype(logits.dtype_number());
  if (bias.has_value()) {
    problem.bias = bias->data();
    problem.bias_is_float32 = bias->dtype_number() == number_of(ScalarType::Float);
  }
  return problem;
}

RouteProblem check_route(const ChosenArgs& out, const Arg& logits, const std::optional<Arg>& bias) {
  check_devices(out, logits, bias);
  check_logits(logits, bias);
  check_outs(out, logits);
  if (out.weights.numel() == 0) return {};
  RouteProblem problem = route_of(logits, bias);
  problem.routed = out.weights.size(1);
  problem.weights_stride = out_row_stride(out.weights);
  problem.ids_stride = out_row_stride(out.ids);
  problem.ids_of_64_bits = out.ids.dtype_number() == number_of(ScalarType::Long);
  if (out.source_rows.has_value()) problem.source_rows_stride = out_row_stride(*out.source_rows);
  check_memory(out, problem, logits, bias);
  return problem;
}

void write_to(RouteProblem& problem, const Chosen& chosen) {
  problem.weights = static_cast<float*>(chosen.weights.mutable_data_ptr());
  problem.ids = chosen.ids.mutable_data_ptr();
  if (chosen.source_rows != nullptr && chosen.source_rows->has_value()) {
    problem.source_rows = static_cast<int32_t*>((*chosen.source_rows)->mutable_data_ptr());
  }
}

std::tuple<Tensor, Tensor> route_to_new(const char* op, const SmPath<RouteLaunch>* paths, RouteProblem& problem,
                                        const Arg& logits) {
  LaunchScope scope(logits);
  const int64_t chosen = problem.routed + problem.shared;
  Tensor weights = scope.empty(number_of(ScalarType::Float), logits.size(0), chosen);
  Tensor ids = scope.empty(number_of(ScalarType::Int), logits.size(0), chosen);
  if (problem.tokens == 0 || chosen == 0) return {weights, ids};
  problem.weights_stride = problem.ids_stride = chosen;
  write_to(problem, {weights, ids});
  launch_dependent(op, paths, scope, problem, std::nullopt, scope.device());
  return {weights, ids};
}

}  // namespace warpwright::torch_api
