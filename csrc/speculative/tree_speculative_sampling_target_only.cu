// Launch function of tree_speculative_sampling_target_only and chain_speculative_sampling: the same code on every SM.

#include <algorithm>

#include "warpwright/launch_kernel.cuh"
#include "warpwright/speculative/sample_draft.cuh"

namespace warpwright {

Status tree_speculative_sampling_target_only(const SampleDraftProblem& p, const Device& device, cudaStream_t stream) {
  const int64_t requests = p.is_chain ? p.chain.requests : p.tree.tree.requests;
  const int64_t nodes = p.is_chain ? 0 : p.tree.tree.draft_tokens;
  const int blocks = p.has_clusters ? blocks_of_request(requests, p.rows.vocabulary, device.sm_count) : 1;
  LaunchShape shape{blocks_in_turns(requests * blocks), kDrawThreads};
  if (blocks > 1) shape.cluster = blocks;
  shape.shared_memory = int(std::max<int64_t>(nodes * int64_t{sizeof(TreeNode)}, sizeof(SegmentSums)));
  shape.dependent = p.dependent;
  return launch_kernel<sample_draft_kernel>(shape, stream, p);
}

}  // namespace warpwright
