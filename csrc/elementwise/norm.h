// What the norms share: their checks, which make a problem.
#pragma once

#include "torch/arg.h"
#include "warpwright/rows/row_problem.h"

namespace warpwright::torch_api {

// A norm that writes `out`. A problem without rows where there is nothing to write; `out` is left to the caller.
RowProblem check_norm(const Arg& out, const Arg& input, const Arg& weight);

// A layer norm: `gemma` and `beta` have one dtype, that of `input` or float32.
RowProblem check_layernorm(const Arg& out, const Arg& input, const Arg& gemma, const Arg& beta);

// A weight of a norm: a contiguous row, of the dtype of `input`, or float32 where `may_be_float`.
void check_weight_dtype(const Arg& weight, const Arg& input, bool may_be_float);
void check_weight_shape(const Arg& weight, const Arg& input);

// A norm of the sum of `input` and `residual`, which takes the place of `residual`; the norm takes that of `input`.
RowProblem check_add_norm(const Arg& input, const Arg& residual, const Arg& weight);

}  // namespace warpwright::torch_api
