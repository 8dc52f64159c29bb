// What the norms share: their checks, which make a problem.
#pragma once

#include "torch/arg.h"
#include "warpwright/rows/row_problem.h"

namespace warpwright::torch_api {

// A norm that writes `out`. A problem without rows where there is nothing to write; `out` is left to the caller.
RowProblem check_norm(const Arg& out, const Arg& input, const Arg& weight);

// A norm of the sum of `input` and `residual`, which takes the place of `residual`; the norm takes that of `input`.
RowProblem check_add_norm(const Arg& input, const Arg& residual, const Arg& weight);

}  // namespace warpwright::torch_api
