// Launch function of awq_marlin_repack: the same code on every SM.

#include "int4_launch.cuh"
#include "warpwright/quantization/int4_kernels.cuh"

namespace warpwright {

Status awq_marlin_repack(const RepackProblem& problem, cudaStream_t stream) {
  return launch_kernel<marlin_repack_kernel<AwqOrder>>(int4_launch::threads_for(problem.k * (problem.n / 8)), stream,
                                                      problem);
}

}  // namespace warpwright
