// What the operators that make the links of draft trees share.
#pragma once

#include "speculative/arrays.h"
#include "warpwright/speculative/draft_tree.h"

namespace warpwright::torch_api {

struct TreeOutputs {
  const Arg &positions, &index, &next_token, &next_sibling;
};

void check_draft_token_num(int64_t draft_token_num);

// Positions of (requests * draft tokens), links of (requests, draft tokens).
void check_tree_outputs(const TreeOutputs& outs, const Arg& on, int64_t requests, int64_t draft_token_num);

void set_tree_outputs(DraftTreeProblem& problem, const TreeOutputs& outs);

}  // namespace warpwright::torch_api
