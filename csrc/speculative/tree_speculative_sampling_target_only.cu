// Launch function of tree_speculative_sampling_target_only and chain_speculative_sampling: the same code on every SM.

#include <algorithm>

#include "warpwright/launch_kernel.cuh"
#include "warpwright/speculative/sample_draft.cuh"

namespace warpwright {

Status tree_speculative_sampling_target_only(const SampleDraftProblem& p, cudaStream_t stream) {
  const int64_t requests = p.is_chain ? p.chain.requests : p.tree.tree.requests;
  const int64_t nodes = p.is_chain ? 0 : p.tree.tree.draft_tokens;
  LaunchShape shape{blocks_in_turns(requests), kDrawThreads};
  shape.shared_memory = int(std::max<int64_t>(nodes * int64_t{sizeof(TreeNode)}, sizeof(SegmentSums)));
  shape.dependent = p.dependent;
  return launch_kernel<sample_draft_kernel>(shape, stream, p);
}

}  // namespace warpwright
