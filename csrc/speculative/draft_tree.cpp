#include "speculative/draft_tree.h"

#include "torch/checks.h"

namespace warpwright::torch_api {

void check_draft_token_num(int64_t draft_token_num) {
  check_at_least("draft_token_num", draft_token_num, 1);
  check_at_most("draft_token_num", draft_token_num, kMostDraftTokens, "a block holds the links of a tree");
}

void check_tree_outputs(const TreeOutputs& outs, const Arg& on, int64_t requests, int64_t draft_token_num) {
  check_indices(outs.positions, on, {{requests * draft_token_num, "one for each draft token"}});
  for (const Arg* links : {&outs.index, &outs.next_token, &outs.next_sibling}) {
    check_indices(*links, on, {{requests, "one row for each request"}, {draft_token_num, "draft_token_num"}});
  }
}

void set_tree_outputs(DraftTreeProblem& problem, const TreeOutputs& outs) {
  problem.positions = index_output(outs.positions);
  problem.index = index_output(outs.index);
  problem.next_token = index_output(outs.next_token);
  problem.next_sibling = index_output(outs.next_sibling);
}

}  // namespace warpwright::torch_api
