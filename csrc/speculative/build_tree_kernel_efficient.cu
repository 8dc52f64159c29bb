// Launch function of build_tree_kernel_efficient and reconstruct_indices_from_tree_mask: the same code on every SM.

#include "warpwright/launch_kernel.cuh"
#include "warpwright/speculative/draft_tree.cuh"

namespace warpwright {

Status build_tree_kernel_efficient(const DraftTreeProblem& p, cudaStream_t stream) {
  LaunchShape shape{blocks_in_turns(p.requests), kTreeThreads};
  shape.dependent = p.dependent;
  return p.from_mask == nullptr ? launch_kernel<build_tree_kernel>(shape, stream, p)
                                : launch_kernel<reconstruct_tree_kernel>(shape, stream, p);
}

}  // namespace warpwright
