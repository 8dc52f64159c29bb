// From a problem to one of the sm_90a kernels, for one element type. For the sm90a units alone.
#pragma once

#include "scaled_mm_cutlass3.cuh"
#include "warpwright/gemm/cooperative_scaled_mm.cuh"
#include "warpwright/gemm/scaled_mm_tiles_sm90a.h"
#include "warpwright/gemm/swap_ab_scaled_mm.cuh"
#include "warpwright/gemm/tile_table.h"

namespace warpwright {

template <typename Element, typename Out, int kIndex>
Status launch_cutlass(const ScaledMmProblem& problem, const Device& device, const Sm90aPlan& plan,
                      cudaStream_t stream) {
  constexpr Sm90aTile kRow = kScaledMmSm90aTiles[kIndex];
  using Schedule = std::conditional_t<kRow.kernel == Sm90aKernel::kPingpong, cutlass3::Pingpong,
                                      cutlass3::WarpSpecialized>;
  using Accum = std::conditional_t<std::is_same_v<Element, int8_t>, int32_t, float>;
  using Tile = cutlass3::Tile<kRow.block_m, kRow.block_n, kRow.block_k, kRow.cluster_m, kRow.cluster_n, Schedule>;
  return cutlass3::ScaledMm<Element, Accum, Tile, Out>::launch(problem, device, plan, stream);
}

template <typename Element, typename Out, int kIndex>
Status launch_tile(const ScaledMmProblem& problem, const Device& device, const Sm90aPlan& plan, cudaStream_t stream) {
  constexpr Sm90aTile kRow = kScaledMmSm90aTiles[kIndex];
  if constexpr (kRow.kernel == Sm90aKernel::kSwapAb) {
    using Tile = swap_ab::Tile<Element, kRow.block_m, kRow.block_n, kRow.block_k>;
    static_assert(swap_ab::is_planned_for<Tile, 0>(kRow));
    return swap_ab::launch<Tile>(problem, device, plan, stream);
  } else if constexpr (kRow.kernel == Sm90aKernel::kCooperative) {
    using Tile = cooperative::Tile<Element, Out, kRow.block_m, kRow.block_n, kRow.block_k, kRow.max_stages,
                                   kRow.cluster_m, kRow.cluster_n>;
    return cooperative::launch<Tile>(problem, device, plan, stream);
  } else {
    return launch_cutlass<Element, Out, kIndex>(problem, device, plan, stream);
  }
}

template <typename Element, typename Out>
Status launch_plan(const ScaledMmProblem& problem, const Device& device, const Sm90aPlan& plan, cudaStream_t stream) {
  return with_tile<kScaledMmSm90aTiles>(plan.tile, [&](auto index) {
    return launch_tile<Element, Out, decltype(index)::value>(problem, device, plan, stream);
  });
}

template <typename Element>
Status launch_scaled_mm_sm90a(const ScaledMmProblem& problem, const Device& device, cudaStream_t stream) {
  const ScaledMmShape shape{problem.m, problem.n, problem.k, device.sm_count, device.shared_memory_per_block};
  const int tile = problem.tile != nullptr ? find_tile(kScaledMmSm90aTiles, problem.tile) : -1;
  if (problem.tile != nullptr && tile < 0) return refuse_tile<kScaledMmSm90aTiles>();
  const Sm90aPlan plan = plan_scaled_mm_sm90a(shape, tile);
  if (problem.out_dtype == Dtype::kFloat16) {
    return launch_plan<Element, cutlass::half_t>(problem, device, plan, stream);
  }
  if (problem.out_dtype == Dtype::kBFloat16) {
    return launch_plan<Element, cutlass::bfloat16_t>(problem, device, plan, stream);
  }
  return Status::refused("out_dtype must be float16 or bfloat16");
}

}  // namespace warpwright
