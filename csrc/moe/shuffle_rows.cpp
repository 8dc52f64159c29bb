#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/moe/shuffle_rows.h"
#include "warpwright/paths/shuffle_rows.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<ShuffleRowsLaunch> kPaths[] = {WARPWRIGHT_PATHS_shuffle_rows};

void check(const Arg& input, const Arg& rows) {
  check_same_device(rows, input);
  check_dim(input, 2);
  check_dim(rows, 1);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float, ScalarType::Float8_e4m3fn,
                      ScalarType::Float8_e5m2, ScalarType::Char, ScalarType::Byte, ScalarType::Int, ScalarType::Long});
  check_dtype(rows, {ScalarType::Int, ScalarType::Long});
  check_inner_stride(input);
  check_contiguous(rows);
}

ShuffleRowsProblem problem_of(const Arg& input, const Arg& rows) {
  ShuffleRowsProblem problem;
  problem.input = input.numel() == 0 ? nullptr : input.data();
  problem.rows = rows.data();
  problem.row_dtype = to_dtype(rows.dtype_number());
  problem.input_rows = input.size(0);
  problem.out_rows = rows.size(0);
  problem.row_bytes = input.size(1) * input.element_bytes();
  problem.input_stride = input.size(0) > 1 ? input.stride(0) * input.element_bytes() : 0;
  return problem;
}

Tensor shuffle_rows(const Tensor& input_tensor, const Tensor& dst2src_map) {
  const Arg input{input_tensor, "input_tensor"}, rows{dst2src_map, "dst2src_map"};
  check(input, rows);
  LaunchScope scope(input);
  const Tensor out = scope.empty(input.dtype_number(), rows.size(0), input.size(1));
  if (out.numel() == 0) return out;

  ShuffleRowsProblem problem = problem_of(input, rows);
  problem.out = out.mutable_data_ptr();
  launch_dependent("shuffle_rows", kPaths, scope, problem, std::nullopt);
  return out;
}

}  // namespace

WARPWRIGHT_OPERATOR(shuffle_rows, "(Tensor input_tensor, Tensor dst2src_map) -> Tensor");

}  // namespace warpwright::torch_api
