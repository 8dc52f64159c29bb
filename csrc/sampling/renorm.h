// What the operators share that keep the largest scores of each row.
#pragma once

#include "sampling/draw.h"
#include "warpwright/sampling/renorm_problem.h"

namespace warpwright::torch_api {

// Checks, allocates the result, and launches where there are rows. `top_k` and `top_p`: the rule that the operator has.
Tensor keep_largest(const char* op, const SmPath<RenormLaunch>* paths, const Arg& scores, const char* columns,
                    const NumberArgument<int64_t>& top_k, const NumberArgument<double>& top_p);

}  // namespace warpwright::torch_api
