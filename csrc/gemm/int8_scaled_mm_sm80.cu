// int8_scaled_mm for sm_80 and newer: CUTLASS 2.x, tensor-core int8 with cp.async pipelines.
#include "scaled_mm_cutlass2.cuh"
#include "warpwright/gemm/scaled_mm_tiles.h"

namespace warpwright {

using Int8Sm80 = cutlass2::Isa<cutlass::arch::Sm80, cutlass::gemm::GemmShape<16, 8, 32>, int8_t, int32_t,
                               cutlass::arch::OpMultiplyAddSaturate>;

template <typename Out>
static Status launch_tile(int tile, const ScaledMmProblem& problem, cudaStream_t stream) {
  int index = 0;
#define WARPWRIGHT_LAUNCH(bm, bn, bk, wm, wn, wk, stages, max_m)                                              \
  if (tile == index++)                                                                                        \
    return cutlass2::ScaledMm<Int8Sm80, cutlass2::Tile<bm, bn, bk, wm, wn, wk, stages>, Out>::launch(problem, \
                                                                                                     stream);
  WARPWRIGHT_INT8_SCALED_MM_SM80_TILES(WARPWRIGHT_LAUNCH)
#undef WARPWRIGHT_LAUNCH
  return Status::refused("no tile of int8_scaled_mm_sm80 fits this device's shared memory");
}

Status int8_scaled_mm_sm80(const ScaledMmProblem& problem, const Device& device, const Workspace&,
                           cudaStream_t stream) {
  const int tile =
      problem.tile >= 0
          ? problem.tile
          : choose_scaled_mm_tile(kInt8ScaledMmSm80Tiles, {problem.m, problem.n, problem.k, device.sm_count,
                                                           device.shared_memory_per_block});
  if (problem.out_dtype == Dtype::kFloat16) return launch_tile<cutlass::half_t>(tile, problem, stream);
  if (problem.out_dtype == Dtype::kBFloat16) return launch_tile<cutlass::bfloat16_t>(tile, problem, stream);
  return Status::refused("out_dtype must be float16 or bfloat16");
}

}  // namespace warpwright
