// fp8_blockwise_scaled_mm for sm_90a: a swap-AB kernel for few rows of a, a cooperative one for many.
#include "warpwright/gemm/blockwise_scaled_mm.h"
#include "warpwright/gemm/blockwise_scaled_mm_tiles_sm90a.h"
#include "warpwright/gemm/cooperative_blockwise_scaled_mm.cuh"
#include "warpwright/gemm/swap_ab_blockwise_scaled_mm.cuh"
#include "warpwright/gemm/tile_table.h"

namespace warpwright {

template <typename Out, int kIndex>
Status launch_blockwise_tile(const BlockwiseScaledMmProblem& problem, const Device& device, const Sm90aPlan& plan,
                             cudaStream_t stream) {
  using Element = cutlass::float_e4m3_t;
  constexpr Sm90aTile kRow = kBlockwiseScaledMmSm90aTiles[kIndex];
  if constexpr (kRow.kernel == Sm90aKernel::kSwapAb) {
    using Tile = swap_ab::Tile<Element, kRow.block_m, kRow.block_n, kRow.block_k>;
    static_assert(swap_ab::is_planned_for<Tile, sizeof(swap_ab::StageScales<Tile>)>(kRow));
    return swap_ab::launch_blockwise<Tile>(problem, device, plan, stream);
  } else {
    static_assert(kRow.kernel == Sm90aKernel::kCooperative);
    using Tile = cooperative::Tile<Element, Out, kRow.block_m, kRow.block_n, kRow.block_k, kRow.max_stages,
                                   kRow.cluster_m, kRow.cluster_n>;
    return cooperative::launch_blockwise<Tile>(problem, device, plan, stream);
  }
}

template <typename Out>
Status launch_blockwise_plan(const BlockwiseScaledMmProblem& problem, const Device& device, const Sm90aPlan& plan,
                             cudaStream_t stream) {
  return with_tile<kBlockwiseScaledMmSm90aTiles>(plan.tile, [&](auto index) {
    return launch_blockwise_tile<Out, decltype(index)::value>(problem, device, plan, stream);
  });
}

Status fp8_blockwise_scaled_mm_sm90a(const BlockwiseScaledMmProblem& problem, const Device& device, const Workspace&,
                                     cudaStream_t stream) {
  const int tile = problem.tile != nullptr ? find_tile(kBlockwiseScaledMmSm90aTiles, problem.tile) : -1;
  if (problem.tile != nullptr && tile < 0) return refuse_tile<kBlockwiseScaledMmSm90aTiles>();
  const ScaledMmShape shape{problem.m, problem.n, problem.k, device.sm_count, device.shared_memory_per_block};
  const Sm90aPlan plan = plan_blockwise_scaled_mm_sm90a(shape, tile);
  if (problem.out_dtype == Dtype::kFloat16) {
    return launch_blockwise_plan<cutlass::half_t>(problem, device, plan, stream);
  }
  if (problem.out_dtype == Dtype::kBFloat16) {
    return launch_blockwise_plan<cutlass::bfloat16_t>(problem, device, plan, stream);
  }
  return Status::refused("out_dtype must be float16 or bfloat16");
}

}  // namespace warpwright
