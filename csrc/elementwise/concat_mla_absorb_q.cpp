#include "elementwise/concat_mla.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/concat_mla_absorb_q.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<ConcatLaunch> kPaths[] = {WARPWRIGHT_PATHS_concat_mla_absorb_q};

void check(const Arg& a, const Arg& b) {
  check_same_device(b, a);
  check_min_dim(a, 2);
  check_at_most("the number of dimensions of a", a.dim(), 3, "flatten the first ones");
  check_dim(b, a.dim());
  check_concat_dtypes(a, b);
  for (int64_t dim = 0; dim < a.dim() - 1; ++dim) check_size(b, dim, a.size(dim), "that of a");
  check_inner_stride(a);
  check_inner_stride(b);
}

std::vector<int64_t> sizes_of_result(const Arg& a, const Arg& b) {
  std::vector<int64_t> sizes;
  for (int64_t dim = 0; dim < a.dim() - 1; ++dim) sizes.push_back(a.size(dim));
  sizes.push_back(a.size(a.dim() - 1) + b.size(b.dim() - 1));
  return sizes;
}

ConcatProblem problem_of(const Arg& a, const Arg& b) {
  ConcatProblem problem;
  problem.groups = a.size(0);
  problem.rows = a.dim() > 2 ? a.size(1) : 1;
  problem.a = concat_part_of(a, a.stride(0), a.stride(1));
  problem.b = concat_part_of(b, b.stride(0), b.stride(1));
  problem.out_row_stride = problem.a.bytes + problem.b.bytes;
  problem.out_group_stride = problem.out_row_stride * problem.rows;
  return problem;
}

Tensor concat_mla_absorb_q(const Tensor& a, const Tensor& b) {
  const Arg a_arg{a, "a"}, b_arg{b, "b"};
  check(a_arg, b_arg);
  LaunchScope scope(a_arg);
  const Tensor out = scope.empty(a_arg.dtype_number(), sizes_of_result(a_arg, b_arg));
  if (out.numel() == 0) return out;

  ConcatProblem problem = problem_of(a_arg, b_arg);
  problem.out = out.mutable_data_ptr();
  launch_dependent("concat_mla_absorb_q", kPaths, scope, problem, std::nullopt);
  return out;
}

}  // namespace

WARPWRIGHT_OPERATOR(concat_mla_absorb_q, "(Tensor a, Tensor b) -> Tensor");

}  // namespace warpwright::torch_api
