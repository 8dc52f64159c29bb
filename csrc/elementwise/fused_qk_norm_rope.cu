// Launch function of fused_qk_norm_rope: the same code on every SM.

#include <algorithm>

#include "warpwright/elementwise/fused_qk_norm_rope.cuh"
#include "warpwright/elementwise/fused_qk_norm_rope_plan.h"
#include "warpwright/elementwise/fused_qk_norm_rope_vectors.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright {

namespace norm_rope_launch {

// One head for each warp until the GPU is full; then more, by which angles cost next to nothing.
inline int64_t groups_of(const FusedQkNormRopeProblem& p, int sm_count) {
  constexpr int64_t kWarpsOfSm = 32, kMostHeads = 16;
  const int64_t heads = int64_t{p.q_heads} + p.k_heads, fill = std::max(sm_count, 1) * kWarpsOfSm;
  const int64_t heads_of_warp = std::clamp<int64_t>(p.tokens * heads / fill, 1, kMostHeads);
  return (heads + heads_of_warp - 1) / heads_of_warp;
}

template <typename T, int kSize, int kMost>
Status with_vectors_of(const FusedQkNormRopeProblem& p, const Device& device, cudaStream_t stream) {
  const int64_t groups = groups_of(p, device.sm_count);
  LaunchShape shape{blocks_in_turns((p.tokens * groups + kNormRopeWarps - 1) / kNormRopeWarps), 32};
  shape.threads_y = kNormRopeWarps;
  shape.dependent = p.dependent;
  return launch_kernel<fused_qk_norm_rope_kernel<T, kSize, kMost>>(shape, stream, p, int(groups));
}

template <typename T>
Status with_whole_vectors(const FusedQkNormRopeProblem& p, const Device& device, cudaStream_t stream) {
  const int64_t heads = int64_t{p.q_heads} + p.k_heads;
  const NormRopePlan plan = plan_norm_rope(p.tokens, heads, p.head_dim, p.rotary_dim, device.sm_count);
  LaunchShape shape{blocks_in_turns(plan.token_blocks), 32 * plan.warps};
  shape.grid.y = plan.parts;
  shape.dependent = p.dependent;
  return launch_kernel<fused_qk_norm_rope_vectors_kernel<T>>(shape, stream, p, plan.lanes, plan.steps);
}

// Heads of models are whole vectors of both sides of their pairs.
template <typename T>
bool takes_whole_vectors(const FusedQkNormRopeProblem& p) {
  constexpr int kOfLane = 2 * kNormRopePairs;
  const auto fits = [](const void* at) { return reinterpret_cast<uintptr_t>(at) % (kNormRopePairs * sizeof(T)) == 0; };
  return p.head_dim <= kMostOfVectorHead && p.head_dim % kOfLane == 0 && p.rotary_dim % kOfLane == 0 &&
         p.token_stride % kNormRopePairs == 0 && fits(p.qkv) && fits(p.q_weight) && fits(p.k_weight);
}

// Others that are short: four elements a lane, which take little shared memory.
template <typename T>
bool takes_short_vectors(const FusedQkNormRopeProblem& p) {
  const auto fits = [](const void* at) { return reinterpret_cast<uintptr_t>(at) % (4 * sizeof(T)) == 0; };
  return p.head_dim <= 256 && p.head_dim % 4 == 0 && p.token_stride % 4 == 0 && fits(p.qkv) && fits(p.q_weight) &&
         fits(p.k_weight);
}

}  // namespace norm_rope_launch

Status fused_qk_norm_rope(const FusedQkNormRopeProblem& p, const Device& device, cudaStream_t stream) {
  return with_float16_type(p.dtype, [&](auto element) {
    using T = decltype(element);
    if (norm_rope_launch::takes_whole_vectors<T>(p)) {
      return norm_rope_launch::with_whole_vectors<T>(p, device, stream);
    }
    return norm_rope_launch::takes_short_vectors<T>(p)
               ? norm_rope_launch::with_vectors_of<T, 4, 256>(p, device, stream)
               : norm_rope_launch::with_vectors_of<T, 1, int(kMostOfNormedHead)>(p, device, stream);
  });
}

}  // namespace warpwright
