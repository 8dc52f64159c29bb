// int8_scaled_mm for sm_90a: TMA and wgmma; kernels of our own where CUTLASS 3.x leaves time on the table.
#include "scaled_mm_sm90a.cuh"

namespace warpwright {

Status int8_scaled_mm_sm90a(const ScaledMmProblem& problem, const Device& device, const Workspace&,
                            cudaStream_t stream) {
  return launch_scaled_mm_sm90a<int8_t>(problem, device, stream);
}

}  // namespace warpwright
