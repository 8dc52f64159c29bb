// Launch function of top_p_renorm_probs: the same code on every SM.

#include "warpwright/sampling/launch_renorm.cuh"

namespace warpwright {

Status top_p_renorm_probs(const RenormProblem& problem, cudaStream_t stream) {
  return launch_renorm<TopP, Probabilities>(problem, stream);
}

}  // namespace warpwright
