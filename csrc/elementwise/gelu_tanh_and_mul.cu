// Launch function of gelu_tanh_and_mul: the same code on every SM.

#include "warpwright/elementwise/launch_activation.cuh"

namespace warpwright {

Status gelu_tanh_and_mul(const ActivationProblem& problem, const Device& device, cudaStream_t stream) {
  return launch_activation<gelu_tanh, true>(problem, device, stream);
}

}  // namespace warpwright
