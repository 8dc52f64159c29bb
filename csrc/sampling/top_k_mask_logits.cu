// Launch function of top_k_mask_logits: the same code on every SM.

#include "warpwright/sampling/launch_renorm.cuh"

namespace warpwright {

Status top_k_mask_logits(const RenormProblem& problem, cudaStream_t stream) {
  return launch_renorm<TopK, Logits>(problem, stream);
}

}  // namespace warpwright
