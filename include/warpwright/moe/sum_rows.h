// Sums of the rows that experts gave for each token: what moe_sum, moe_sum_reduce and apply_shuffle_mul_sum compute.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

// out[t, :] = scale * sum over j of factors[t, j] * input[row of (t, j), :], in fp32 in the order of j, rounded once.
struct SumRowsProblem {
  const void* input = nullptr;
  void* out = nullptr;
  Dtype dtype = Dtype::kBFloat16;
  int64_t tokens = 0, topk = 0, hidden = 0;
  int64_t token_stride = 0, row_stride = 0, out_stride = 0;  // in elements
  // Where it is given, (t, j) has row rows[t * topk + j] of `input_rows`, row_stride apart; another one has none, and
  // adds nothing. Otherwise it has the one at t * token_stride + j * row_stride.
  const void* rows = nullptr;
  Dtype row_dtype = Dtype::kInt32;
  int64_t input_rows = 0;
  const void* factors = nullptr;  // of rows that are given: (t, j), adjacent, of fp32 or of `dtype`; one where it is null
  bool has_float_factors = false;
  float scale = 1.0f;
  bool dependent = false;  // programmatic dependent launch
};

using SumRowsLaunch = Status(const SumRowsProblem&, cudaStream_t);

SumRowsLaunch moe_sum;

}  // namespace warpwright
