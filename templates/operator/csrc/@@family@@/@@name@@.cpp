#include "warpwright/@@family@@/@@name@@.h"

#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/paths/@@name@@.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<@@CamelName@@Launch> kPaths[] = {WARPWRIGHT_PATHS_@@name@@};

void check_tensors(const Arg& out, const Arg& input) {
  check_same_device(out, input);
  check_min_dim(input, 1);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16});
  check_same_dtype(out, input);
  check_same_shape(out, input);
  check_inner_stride(input);
  check_inner_stride(out);
}

// The output may take the place of the input: each thread has read what it overwrites.
void check_memory(const Arg& out, int64_t out_stride, const Arg& input, int64_t input_stride) {
  const Rows out_rows = rows_of(out, out_stride), input_rows = rows_of(input, input_stride);
  if (!is_same(out_rows, input_rows)) check_apart(out, out_rows, input, input_rows);
}

// A problem without rows where there is nothing to write.
@@CamelName@@Problem check(const Arg& out, const Arg& input) {
  @@CamelName@@Problem problem;
  check_tensors(out, input);
  if (input.numel() == 0) return problem;
  problem.out_stride = out_row_stride(out);
  problem.input_stride = row_stride(input);
  check_memory(out, problem.out_stride, input, problem.input_stride);
  problem.hidden = input.size(input.dim() - 1);
  problem.rows = input.numel() / problem.hidden;
  problem.input = input.data();
  problem.dtype = to_dtype(input.dtype_number());
  return problem;
}

void @@name@@(const Tensor& out, const Tensor& input) {
  const Arg input_arg{input, "input"};
  @@CamelName@@Problem problem = check({out, "out"}, input_arg);
  if (problem.rows == 0) return;

  LaunchScope scope(input_arg);
  problem.out = out.mutable_data_ptr();
  launch("@@name@@", kPaths, scope, problem);
}

}  // namespace

WARPWRIGHT_OPERATOR(@@name@@, "(Tensor! out, Tensor input) -> ()");

}  // namespace warpwright::torch_api
