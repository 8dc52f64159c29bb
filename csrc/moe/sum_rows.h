// What the operators that sum the rows of each token share. python/warpwright/moe/_sum_rows.py has the same in the same
// words.
#pragma once

#include "torch/arg.h"
#include "warpwright/moe/sum_rows.h"

namespace warpwright::torch_api {

// The problem of (tokens, topk, hidden) rows that are summed over the second dimension, without what is written to; one
// without tokens where there is nothing to write.
SumRowsProblem sum_of_topk(const Arg& input, const Arg& output);

}  // namespace warpwright::torch_api
