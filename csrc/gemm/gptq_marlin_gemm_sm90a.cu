// Launch function of gptq_marlin_gemm on sm90a.

#include "gptq_marlin_gemm_launch.cuh"

namespace warpwright {

Status gptq_marlin_gemm_sm90a(const MarlinGemmProblem& problem, const Device& device, const Workspace& workspace,
                             cudaStream_t stream) {
  return marlin_launch::run<MarlinSplitK::kCluster>(problem, device, workspace, stream);
}

}  // namespace warpwright
