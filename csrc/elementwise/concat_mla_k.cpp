#include "elementwise/concat_mla.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/paths/concat_mla_k.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<ConcatLaunch> kPaths[] = {WARPWRIGHT_PATHS_concat_mla_k};

void check_tensors(const Arg& k, const Arg& k_nope, const Arg& k_rope) {
  check_same_device(k_nope, k);
  check_same_device(k_rope, k);
  check_dim(k, 3);
  check_dim(k_nope, 3);
  check_dim(k_rope, 3);
  check_concat_dtypes(k, k_nope);
  check_same_dtype(k_rope, k);
  check_size(k_nope, 0, k.size(0), "that of k");
  check_size(k_nope, 1, k.size(1), "that of k");
  check_size(k_rope, 0, k.size(0), "that of k");
  check_size(k_rope, 1, 1, "one for all heads");
  check_size(k, 2, k_nope.size(2) + k_rope.size(2), "those of k_nope and k_rope together");
  check_inner_stride(k);
  check_inner_stride(k_nope);
  check_inner_stride(k_rope);
}

// k_nope may be where it is copied to.
void check_memory(const Arg& k, int64_t k_stride, const Arg& k_nope, int64_t nope_stride, const Arg& k_rope,
                  int64_t rope_stride) {
  const Rows rows = rows_of(k, k_stride), nope_rows = rows_of(k_nope, nope_stride);
  Rows place = rows;
  place.bytes = k_nope.size(2) * k.element_bytes();
  if (!is_same(nope_rows, place)) check_apart(k, rows, k_nope, nope_rows);
  check_apart(k, rows, k_rope, rows_of(k_rope, rope_stride));
}

// A problem without groups where there is nothing to write.
ConcatProblem check(const Arg& k, const Arg& k_nope, const Arg& k_rope) {
  ConcatProblem problem;
  check_tensors(k, k_nope, k_rope);
  if (k.numel() == 0) return problem;
  const int64_t k_stride = out_row_stride(k), nope_stride = row_stride(k_nope), rope_stride = row_stride(k_rope);
  check_memory(k, k_stride, k_nope, nope_stride, k_rope, rope_stride);
  problem.groups = k.size(0);
  problem.rows = k.size(1);
  const ConcatPart whole = concat_part_of(k, k_stride * k.size(1), k_stride);
  problem.out_group_stride = whole.group_stride;
  problem.out_row_stride = whole.row_stride;
  problem.a = concat_part_of(k_nope, nope_stride * k.size(1), nope_stride);
  problem.b = concat_part_of(k_rope, rope_stride, 0);
  return problem;
}

void concat_mla_k(const Tensor& k, const Tensor& k_nope, const Tensor& k_rope) {
  const Arg k_arg{k, "k"};
  ConcatProblem problem = check(k_arg, {k_nope, "k_nope"}, {k_rope, "k_rope"});
  if (problem.groups == 0) return;

  LaunchScope scope(k_arg);
  problem.out = k.mutable_data_ptr();
  launch_dependent("concat_mla_k", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(concat_mla_k, "(Tensor! k, Tensor k_nope, Tensor k_rope) -> ()");

}  // namespace warpwright::torch_api
