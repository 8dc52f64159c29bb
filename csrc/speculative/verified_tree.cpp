#include "speculative/verified_tree.h"

#include "torch/checks.h"

namespace warpwright::torch_api {

VerifiedTreeArgs::VerifiedTreeArgs(const Tensor& predicts, const Tensor& accept_index, const Tensor& accept_token_num,
                                   const Tensor& candidates, const Tensor& retrive_index,
                                   const Tensor& retrive_next_token, const Tensor& retrive_next_sibling)
    : predicts(predicts, "predicts"),
      accept_index(accept_index, "accept_index"),
      accept_token_num(accept_token_num, "accept_token_num"),
      candidates(candidates, "candidates"),
      index(retrive_index, "retrive_index"),
      next_token(retrive_next_token, "retrive_next_token"),
      next_sibling(retrive_next_sibling, "retrive_next_sibling") {}

void check_verified_tree(const VerifiedTreeArgs& args) {
  const Arg& on = args.candidates;
  check_indices(on, on, {{}, {}});
  check_at_least("the draft tokens of a request", args.draft_tokens(), 1);
  check_at_most("the draft tokens of a request", args.draft_tokens(), kMostDraftTokens, "a block holds a tree");
  const int64_t requests = args.requests();
  for (const Arg* links : {&args.index, &args.next_token, &args.next_sibling}) {
    check_indices(*links, on, {{requests, "that of candidates"}, {args.draft_tokens(), "that of candidates"}});
  }
  check_indices(args.predicts, on, {{}});
  check_indices(args.accept_index, on, {{requests, "that of candidates"}, {}});
  check_at_least("the steps of accept_index", args.accept_index.size(1), 1);
  check_indices(args.accept_token_num, on, {{requests, "that of candidates"}});
}

VerifiedTree verified_tree(const VerifiedTreeArgs& args) {
  VerifiedTree tree;
  tree.candidates = index_array(args.candidates);
  tree.index = index_array(args.index);
  tree.next_token = index_array(args.next_token);
  tree.next_sibling = index_array(args.next_sibling);
  tree.predicts = index_output(args.predicts);
  tree.accept_index = index_output(args.accept_index);
  tree.accept_token_num = index_output(args.accept_token_num);
  tree.requests = args.requests();
  tree.predicted = args.predicts.numel();
  tree.steps = args.accept_index.size(1);
  tree.draft_tokens = int32_t(args.draft_tokens());
  return tree;
}

}  // namespace warpwright::torch_api
