// int8_scaled_mm for sm_75: CUTLASS 2.x, tensor-core int8 in two stages. bfloat16 is an output type here as everywhere:
// only the last rounding sees it, and that needs no tensor core.
#include "scaled_mm_cutlass2.cuh"

namespace warpwright {

using Int8Sm75 = cutlass2::Isa<cutlass::arch::Sm75, cutlass::gemm::GemmShape<8, 8, 16>, int8_t, int32_t,
                               cutlass::arch::OpMultiplyAddSaturate>;

Status int8_scaled_mm_sm75(const ScaledMmProblem& problem, const Device& device, const Workspace&, cudaStream_t stream) {
  return cutlass2::launch<kInt8ScaledMmSm75Tiles, Int8Sm75>(problem, device, stream);
}

}  // namespace warpwright
