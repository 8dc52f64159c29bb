// int8_scaled_mm for sm_80 and newer: CUTLASS 2.x, tensor-core int8 with cp.async pipelines.
#include "scaled_mm_cutlass2.cuh"

namespace warpwright {

using Int8Sm80 = cutlass2::Isa<cutlass::arch::Sm80, cutlass::gemm::GemmShape<16, 8, 32>, int8_t, int32_t,
                               cutlass::arch::OpMultiplyAddSaturate>;

Status int8_scaled_mm_sm80(const ScaledMmProblem& problem, const Device& device, const Workspace&, cudaStream_t stream) {
  return cutlass2::launch<kInt8ScaledMmSm80Tiles, Int8Sm80>(problem, device, stream);
}

}  // namespace warpwright
