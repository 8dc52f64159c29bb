// Launch function of awq_marlin_repack: the same code on every SM.

#include "int4_launch.cuh"
#include "warpwright/quantization/int4_kernels.cuh"

namespace warpwright {

Status awq_marlin_repack(const RepackProblem& problem, cudaStream_t stream) {
  const unsigned blocks = int4_launch::blocks_for(problem.k * (problem.n / 8));
  marlin_repack_kernel<AwqOrder><<<blocks, int4_launch::kThreads, 0, stream>>>(problem);
  return Status::from(cudaGetLastError());
}

}  // namespace warpwright
