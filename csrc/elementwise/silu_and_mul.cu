// Launch function of silu_and_mul: the same code on every SM.

#include "warpwright/elementwise/launch_activation.cuh"

namespace warpwright {

Status silu_and_mul(const ActivationProblem& problem, const Device& device, cudaStream_t stream) {
  return launch_activation<silu, true>(problem, device, stream);
}

}  // namespace warpwright
