// Launch function of gelu_quick: the same code on every SM.

#include "warpwright/elementwise/launch_activation.cuh"

namespace warpwright {

Status gelu_quick(const ActivationProblem& problem, const Device& device, cudaStream_t stream) {
  return launch_activation<gelu_quick, false>(problem, device, stream);
}

}  // namespace warpwright
