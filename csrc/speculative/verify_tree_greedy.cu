// Launch function of verify_tree_greedy: the same code on every SM.

#include "warpwright/launch_kernel.cuh"
#include "warpwright/speculative/verify_tree.cuh"

namespace warpwright {

Status verify_tree_greedy(const VerifyTreeProblem& p, cudaStream_t stream) {
  LaunchShape shape{blocks_in_turns(p.tree.requests), kVerifyThreads};
  shape.shared_memory = p.tree.draft_tokens * int(sizeof(TreeNode) + sizeof(int64_t));
  shape.dependent = p.dependent;
  return launch_kernel<verify_tree_kernel>(shape, stream, p);
}

}  // namespace warpwright
