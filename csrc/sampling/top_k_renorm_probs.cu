// Launch function of top_k_renorm_probs: the same code on every SM.

#include "warpwright/sampling/launch_renorm.cuh"

namespace warpwright {

Status top_k_renorm_probs(const RenormProblem& problem, cudaStream_t stream) {
  return launch_renorm<TopK, Probabilities>(problem, stream);
}

}  // namespace warpwright
