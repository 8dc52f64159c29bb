// fp8_blockwise_scaled_mm for sm_90a: one kernel for few tokens, one for many.
#include "warpwright/gemm/blockwise_scaled_mm.h"
#include "warpwright/gemm/persistent_blockwise_scaled_mm.cuh"
#include "warpwright/gemm/streaming_blockwise_scaled_mm.cuh"
#include "warpwright/gemm/tile_names.h"

namespace warpwright {

template <typename Out>
Status launch_blockwise_plan(const BlockwiseScaledMmProblem& problem, const Device& device, const Sm90aPlan& plan,
                             cudaStream_t stream) {
  using Element = cutlass::float_e4m3_t;
  int index = 0;
#define WARPWRIGHT_STREAMING(weights, tokens, boxes, min_stages, max_stages, max_blocks)                             \
  if (plan.tile == index++)                                                                                        \
    return streaming::launch_blockwise<streaming::Tile<Element, weights, tokens, boxes>>(problem, device, plan, stream);
#define WARPWRIGHT_PERSISTENT(weights, stages, shared)                                                             \
  if (plan.tile == index++)                                                                                        \
    return persistent::launch_blockwise<                                                                           \
        persistent::Tile<Element, Out, weights, stages, persistent::Shared::k##shared>>(problem, device, plan.panel, \
                                                                                       stream);
  WARPWRIGHT_BLOCKWISE_SCALED_MM_SM90A_TILES(WARPWRIGHT_STREAMING, WARPWRIGHT_PERSISTENT)
#undef WARPWRIGHT_STREAMING
#undef WARPWRIGHT_PERSISTENT
  return Status::refused("there is no such tile in kBlockwiseScaledMmSm90aTiles");
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
