// Launch function of gelu_and_mul: the same code on every SM.

#include "warpwright/elementwise/launch_activation.cuh"

namespace warpwright {

Status gelu_and_mul(const ActivationProblem& problem, const Device& device, cudaStream_t stream) {
  return launch_activation<gelu, true>(problem, device, stream);
}

}  // namespace warpwright
