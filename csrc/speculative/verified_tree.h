// What the operators that verify a tree of drafted tokens share.
#pragma once

#include "speculative/arrays.h"
#include "warpwright/speculative/verify_tree.h"

namespace warpwright::torch_api {

struct VerifiedTreeArgs {
  const Arg predicts, accept_index, accept_token_num, candidates, index, next_token, next_sibling;

  VerifiedTreeArgs(const Tensor& predicts, const Tensor& accept_index, const Tensor& accept_token_num,
                   const Tensor& candidates, const Tensor& retrive_index, const Tensor& retrive_next_token,
                   const Tensor& retrive_next_sibling);

  int64_t requests() const { return candidates.size(0); }
  int64_t draft_tokens() const { return candidates.size(1); }
};

void check_verified_tree(const VerifiedTreeArgs& args);

// After the launch scope is open.
VerifiedTree verified_tree(const VerifiedTreeArgs& args);

}  // namespace warpwright::torch_api
