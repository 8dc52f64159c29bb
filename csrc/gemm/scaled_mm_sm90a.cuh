// From a problem to one of the sm_90a kernels, for one element type. For the sm90a units alone.
#pragma once

#include "scaled_mm_cutlass3.cuh"
#include "warpwright/gemm/persistent_scaled_mm.cuh"
#include "warpwright/gemm/scaled_mm_tiles_sm90a.h"
#include "warpwright/gemm/streaming_scaled_mm.cuh"
#include "warpwright/gemm/tile_names.h"

namespace warpwright {

// A cluster of two CTAs with neighbouring tokens shares the weights.
template <typename Element, typename Out, int kTokens, int kWeights, typename Schedule>
Status launch_cutlass(const ScaledMmProblem& problem, const Device& device, const Sm90aPlan& plan,
                      cudaStream_t stream) {
  using Sum = std::conditional_t<std::is_same_v<Element, int8_t>, int32_t, float>;
  using Tile = cutlass3::Tile<kTokens, kWeights, 128, 2, 1, Schedule>;
  return cutlass3::ScaledMm<Element, Sum, Tile, Out>::launch(problem, device, plan.panel, plan.down, stream);
}

template <typename Element, typename Out>
Status launch_plan(const ScaledMmProblem& problem, const Device& device, const Sm90aPlan& plan,
                   cudaStream_t stream) {
  int index = 0;
#define WARPWRIGHT_STREAMING(weights, tokens, boxes, min_stages, max_stages)                                       \
  if (plan.tile == index++)                                                                                        \
    return streaming::launch<streaming::Tile<Element, weights, tokens, boxes>>(problem, device, plan, stream);
#define WARPWRIGHT_PERSISTENT(weights, stages)                                                                     \
  if (plan.tile == index++)                                                                                        \
    return persistent::launch<persistent::Tile<Element, Out, weights, stages>>(problem, device, plan.panel, stream);
#define WARPWRIGHT_CUTLASS(schedule, weights, tokens)                                                              \
  if (plan.tile == index++)                                                                                        \
    return launch_cutlass<Element, Out, tokens, weights, cutlass3::schedule>(problem, device, plan, stream);
  WARPWRIGHT_SCALED_MM_SM90A_TILES(WARPWRIGHT_STREAMING, WARPWRIGHT_PERSISTENT, WARPWRIGHT_CUTLASS)
#undef WARPWRIGHT_STREAMING
#undef WARPWRIGHT_PERSISTENT
#undef WARPWRIGHT_CUTLASS
  return Status::refused("there is no such tile in kScaledMmSm90aTiles");
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
