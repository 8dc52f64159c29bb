// Launch function of the selections on sm80 to sm89: a block for each row.

#include "top_k_launch.cuh"

namespace warpwright {

Status top_k_sm80(const TopKProblem& problem, const Device& device, cudaStream_t stream) {
  return top_k_launch::run<80>(problem, device, stream);
}

}  // namespace warpwright
