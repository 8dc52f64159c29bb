// Kernel that verifies trees greedily, a warp for each request.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/speculative/verified_tree.cuh"

namespace warpwright {

constexpr int kVerifyThreads = 32;

// What the target model says behind the node at an index of all requests.
struct TargetTokens {
  const VerifyTreeProblem& problem;
  const int64_t* own;  // those of the request, in shared memory
  int64_t first;       // the index of the first of them

  __device__ bool is_there(int64_t index) const { return uint64_t(index) < uint64_t(problem.targets); }

  __device__ int64_t behind(int64_t index) const {
    return uint64_t(index - first) < uint64_t(problem.tree.draft_tokens) ? own[index - first]
                                                                         : at(problem.target_predict, index);
  }
};

// Of the siblings from a node on, the first that holds a token; -1 where none does.
__device__ __forceinline__ int32_t sibling_with(const TreeNode* nodes, int32_t node, int64_t token, int32_t count) {
  for (int32_t step = 0; node >= 0 && nodes[node].token != token; ++step) {
    node = step < count ? nodes[node].next_sibling : -1;
  }
  return node;
}

__device__ __forceinline__ void verify_greedily(const VerifyTreeProblem& p, int64_t request, const TreeNode* nodes,
                                                const TargetTokens& target) {
  AcceptedPath path{p.tree, request};
  int64_t last = nodes[0].index;
  int32_t node = 0;
  path.start(last);
  for (int64_t step = 1; step < p.tree.steps && target.is_there(last); ++step) {
    const int64_t token = target.behind(last);
    node = sibling_with(nodes, nodes[node].first_child, token, p.tree.draft_tokens);
    if (node < 0) break;
    path.accept(last, nodes[node].index, token);
    last = nodes[node].index;
  }
  if (target.is_there(last)) path.predict(last, target.behind(last));
  path.end();
}

__global__ void __launch_bounds__(kVerifyThreads) verify_tree_kernel(VerifyTreeProblem p) {
  extern __shared__ int64_t memory[];
  wait_for_earlier_kernels();
  let_later_kernels_start();
  auto* nodes = reinterpret_cast<TreeNode*>(memory);
  auto* own = reinterpret_cast<int64_t*>(nodes + p.tree.draft_tokens);
  for (int64_t request = blockIdx.x; request < p.tree.requests; request += gridDim.x) {
    const int64_t first = request * p.tree.draft_tokens;
    load_tree(p.tree, request, nodes);
    for (int32_t node = threadIdx.x; node < p.tree.draft_tokens; node += kVerifyThreads) {
      own[node] = at(p.target_predict, first + node);
    }
    __syncthreads();
    if (threadIdx.x == 0) verify_greedily(p, request, nodes, {p, own, first});
    __syncthreads();
  }
}

}  // namespace warpwright
