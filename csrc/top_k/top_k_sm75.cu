// Launch function of the selections on sm75: a block for each row.

#include "top_k_launch.cuh"

namespace warpwright {

Status top_k_sm75(const TopKProblem& problem, const Device& device, cudaStream_t stream) {
  return top_k_launch::run<75>(problem, device, stream);
}

}  // namespace warpwright
