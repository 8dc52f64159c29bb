// Launch function of fused_qk_norm_rope: the same code on every SM.

#include <algorithm>

#include "warpwright/elementwise/fused_qk_norm_rope.cuh"
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

// Heads of models are short: four elements a lane, which take little shared memory.
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
    return norm_rope_launch::takes_short_vectors<T>(p)
               ? norm_rope_launch::with_vectors_of<T, 4, 256>(p, device, stream)
               : norm_rope_launch::with_vectors_of<T, 1, int(kMostOfNormedHead)>(p, device, stream);
  });
}

}  // namespace warpwright
