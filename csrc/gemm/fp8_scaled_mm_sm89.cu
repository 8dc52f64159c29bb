// fp8_scaled_mm for sm_89: CUTLASS 2.x, tensor-core float8_e4m3 with cp.async pipelines. The sums stay in the tensor core
// along the whole of k, as on sm_90a and in cuBLAS with use_fast_accum.
#include "scaled_mm_cutlass2.cuh"

namespace warpwright {

using Fp8Sm89 = cutlass2::Isa<cutlass::arch::Sm89, cutlass::gemm::GemmShape<16, 8, 32>, cutlass::float_e4m3_t, float,
                              cutlass::arch::OpMultiplyAddFastAccum>;

Status fp8_scaled_mm_sm89(const ScaledMmProblem& problem, const Device& device, const Workspace&, cudaStream_t stream) {
  return cutlass2::launch<kFp8ScaledMmSm89Tiles, Fp8Sm89>(problem, device, stream);
}

}  // namespace warpwright
