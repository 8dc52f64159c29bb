// Verification of a tree of draft tokens: which path of it the target model takes.
// Method: Miao et al., "SpecInfer: Accelerating Large Language Model Serving with Tree-based Speculative Inference and
// Verification", 2023 (arXiv:2305.09781), algorithm 2, VerifyGreedy.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/speculative/draft_tree.h"
#include "warpwright/speculative/index_array.h"
#include "warpwright/status.h"

namespace warpwright {

// A tree as it is verified: node 0 is the root, a node's first child and its next sibling are nodes of the same request,
// and `index` is where a node stands among those of all requests. What is no node is none.
struct VerifiedTree {
  IndexArray candidates, index, next_token, next_sibling;  // (requests, draft_tokens)
  IndexOutput predicts;                                    // (predicted)
  IndexOutput accept_index;                                // (requests, steps)
  IndexOutput accept_token_num;                            // (requests)
  int64_t requests = 0, predicted = 0, steps = 0;
  int32_t draft_tokens = 0;
};

struct VerifyTreeProblem {
  VerifiedTree tree;
  IndexArray target_predict;  // (targets), at the places that `index` names
  int64_t targets = 0;
  bool dependent = false;  // programmatic dependent launch
};

using VerifyTreeLaunch = Status(const VerifyTreeProblem&, cudaStream_t);

VerifyTreeLaunch verify_tree_greedy;

}  // namespace warpwright
