#include "moe/sum_rows.h"

#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

namespace {

void check_sum(const Arg& input, const Arg& output) {
  check_same_device(output, input);
  check_dim(input, 3);
  check_dim(output, 2);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_same_dtype(output, input);
  check_size(output, 0, input.size(0), "that of input_tensor");
  check_size(output, 1, input.size(2), "the last one of input_tensor");
  check_inner_stride(input);
  check_inner_stride(output);
}

// The memory that is read: rows at one distance where the tokens follow each other at it, else all.
Rows rows_read(const Arg& input) {
  const int64_t stride = input.stride(1);
  return input.stride(0) == input.size(1) * stride ? rows_of(input, stride) : span_of(input);
}

}  // namespace

SumRowsProblem sum_of_topk(const Arg& input, const Arg& output) {
  SumRowsProblem problem;
  check_sum(input, output);
  if (output.numel() == 0) return problem;
  const int64_t out_stride = out_row_stride(output);
  check_apart(output, rows_of(output, out_stride), input, rows_read(input));
  problem.input = input.numel() == 0 ? nullptr : input.data();
  problem.dtype = to_dtype(input.dtype_number());
  problem.tokens = input.size(0);
  problem.topk = input.size(1);
  problem.hidden = input.size(2);
  problem.token_stride = input.size(0) > 1 ? input.stride(0) : 0;
  problem.row_stride = input.size(1) > 1 ? input.stride(1) : 0;
  problem.out_stride = output.size(0) > 1 ? out_stride : 0;
  return problem;
}

}  // namespace warpwright::torch_api
