#include <algorithm>

#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/grammar/token_bitmask.h"
#include "warpwright/paths/apply_token_bitmask_inplace_cuda.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<TokenBitmaskLaunch> kPaths[] = {WARPWRIGHT_PATHS_apply_token_bitmask_inplace_cuda};

void check_tensors(const Arg& logits, const Arg& bitmask, const std::optional<Arg>& indices) {
  check_same_device(bitmask, logits);
  check_dtype(logits, {ScalarType::Float, ScalarType::Half, ScalarType::BFloat16});
  check_dtype(bitmask, {ScalarType::Int});
  check_dim(logits, 2);
  check_dim(bitmask, 2);
  check_at_most("the size of a row of bitmask", bitmask.size(1), (logits.size(1) + 31) / 32, "32 logits have a word");
  if (!indices.has_value()) check_size(bitmask, 0, logits.size(0), "that of logits");
  check_inner_stride(logits);
  check_inner_stride(bitmask);
  if (!indices.has_value()) return;
  check_same_device(*indices, logits);
  check_dtype(*indices, {ScalarType::Int, ScalarType::Long});
  check_dim(*indices, 1);
  check_contiguous(*indices);
}

// A problem without rows where there is nothing to write.
TokenBitmaskProblem check(const Arg& logits, const Arg& bitmask, const std::optional<Arg>& indices) {
  TokenBitmaskProblem problem;
  check_tensors(logits, bitmask, indices);
  if (logits.numel() == 0 || bitmask.numel() == 0) return problem;
  problem.logit_stride = out_row_stride(logits);
  problem.mask_stride = row_stride(bitmask);
  const Rows rows = rows_of(logits, problem.logit_stride);
  check_apart(logits, rows, bitmask, rows_of(bitmask, problem.mask_stride));
  if (indices.has_value()) check_apart(logits, rows, *indices, span_of(*indices));
  problem.rows = indices.has_value() ? indices->size(0) : logits.size(0);
  problem.tokens = std::min(logits.size(1), bitmask.size(1) * 32);
  problem.logit_rows = logits.size(0);
  problem.mask_rows = bitmask.size(0);
  return problem;
}

void apply_token_bitmask_inplace_cuda(const Tensor& logits, const Tensor& bitmask,
                                      const std::optional<Tensor>& indices) {
  const Arg logits_arg{logits, "logits"}, mask_arg{bitmask, "bitmask"};
  const std::optional<Arg> indices_arg = optional_arg(indices, "indices");
  TokenBitmaskProblem problem = check(logits_arg, mask_arg, indices_arg);
  if (problem.rows == 0) return;

  LaunchScope scope(logits_arg);
  problem.logits = logits.mutable_data_ptr();
  problem.bitmask = mask_arg.data_of<uint32_t>();
  problem.indices = data_of<char>(indices_arg);
  problem.are_wide = indices_arg.has_value() && indices_arg->dtype_number() == number_of(ScalarType::Long);
  problem.dtype = to_dtype(logits_arg.dtype_number());
  launch_dependent("apply_token_bitmask_inplace_cuda", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(apply_token_bitmask_inplace_cuda, "(Tensor! logits, Tensor bitmask, Tensor? indices=None) -> ()");

}  // namespace warpwright::torch_api
