// A request's tree in shared memory: its links are followed one by one, and each step in global memory would take as
// long as the whole walk here.
#pragma once

#include "warpwright/speculative/index_array.cuh"
#include "warpwright/speculative/verify_tree.h"

namespace warpwright {

// What a node takes of shared memory.
struct TreeNode {
  int64_t token, index;
  int32_t first_child, next_sibling;  // -1 where there is none
};

// Copies a request's tree; the block's threads meet afterwards.
__device__ __forceinline__ void load_tree(const VerifiedTree& tree, int64_t request, TreeNode* to) {
  for (int32_t node = threadIdx.x; node < tree.draft_tokens; node += blockDim.x) {
    const int64_t place = request * tree.draft_tokens + node;
    to[node].token = at(tree.candidates, place);
    to[node].index = at(tree.index, place);
    to[node].first_child = place_or_none(at(tree.next_token, place), tree.draft_tokens);
    to[node].next_sibling = place_or_none(at(tree.next_sibling, place), tree.draft_tokens);
  }
}

// What one thread of a request writes of its walk. An index that is no place of the predictions is written nowhere.
struct AcceptedPath {
  const VerifiedTree& tree;
  int64_t request;
  int32_t accepted = 0;

  __device__ void start(int64_t index) const { set(tree.accept_index, request * tree.steps, index); }

  __device__ void predict(int64_t index, int64_t token) const {
    if (uint64_t(index) < uint64_t(tree.predicted)) set(tree.predicts, index, token);
  }

  __device__ void accept(int64_t above, int64_t index, int64_t token) {
    predict(above, token);
    set(tree.accept_index, request * tree.steps + ++accepted, index);
  }

  __device__ void end() const { set(tree.accept_token_num, request, accepted); }
};

}  // namespace warpwright
