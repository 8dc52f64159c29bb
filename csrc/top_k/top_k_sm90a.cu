// Launch function of the selections on sm90a: clusters share long rows where there are few.

#include "top_k_launch.cuh"

namespace warpwright {

Status top_k_sm90a(const TopKProblem& problem, const Device& device, cudaStream_t stream) {
  return top_k_launch::run<90>(problem, device, stream);
}

}  // namespace warpwright
