// Launch function of relu2: the same code on every SM.

#include "warpwright/elementwise/launch_activation.cuh"

namespace warpwright {

Status relu2(const ActivationProblem& problem, const Device& device, cudaStream_t stream) {
  return launch_activation<relu2, false>(problem, device, stream);
}

}  // namespace warpwright
