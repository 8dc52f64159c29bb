// Launch function of the rotary embeddings: the same code on every SM.

#include "warpwright/elementwise/rope.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright {

namespace rope_launch {

template <typename T>
bool heads_take_vectors(const RopeHeads& of) {
  return of.heads == 0 || (takes_vectors<T>(of.input, of.token_stride, of.head_stride) &&
                           takes_vectors<T>(of.out, of.out_token_stride, of.out_head_stride));
}

// True where the pairs, and what is copied beside them, are whole vectors.
template <typename T>
bool takes_vectors_of(const RopeProblem& p) {
  constexpr int64_t kSize = kFullVector<T>;
  const int64_t rest = p.in_place ? 0 : p.head_dim - p.rotary_dim;
  return p.rotary_dim / 2 % kSize == 0 && rest % kSize == 0 && heads_take_vectors<T>(p.q) &&
         heads_take_vectors<T>(p.k) && reinterpret_cast<uintptr_t>(p.cos_sin_cache) % 16 == 0;
}

template <typename T, int kSize, typename Positions, typename Angles>
Status with_policies(const RopeProblem& p, const Device& device, cudaStream_t stream) {
  const int lanes = rope_lanes<kSize>(int(p.head_dim), int(p.rotary_dim), p.in_place);
  if (lanes == 0) return Status::success();
  const RopePlan plan = plan_rope(p.tokens, p.q.heads + p.k.heads, lanes, device.sm_count);
  LaunchShape shape{{plan.item_blocks, plan.lane_blocks}, plan.lanes_of_block};
  shape.threads_y = plan.items_of_block;
  shape.dependent = p.dependent;
  const RopeArguments<Positions, Angles> arguments(p, plan.groups);
  return launch_kernel<rope_kernel<T, kSize, Positions, Angles>>(shape, stream, arguments);
}

template <typename T, int kSize>
Status with_vectors_of(const RopeProblem& p, const Device& device, cudaStream_t stream) {
  if (p.is_cached) return with_policies<T, kSize, TokenPositions, CachedAngles>(p, device, stream);
  return p.indptr.at == nullptr ? with_policies<T, kSize, TokenPositions, ComputedAngles>(p, device, stream)
                                : with_policies<T, kSize, SegmentPositions, ComputedAngles>(p, device, stream);
}

}  // namespace rope_launch

Status apply_rope(const RopeProblem& p, const Device& device, cudaStream_t stream) {
  constexpr int64_t kMost = 1 << 30;  // the kernel counts what one token has in 32 bits
  if (p.q.heads + p.k.heads > kMost || p.head_dim > kMost) {
    return Status::refused("a token has more than 2^30 heads, or a head more than 2^30 elements");
  }
  return with_float_type(p.dtype, [&](auto element) {
    using T = decltype(element);
    return rope_launch::takes_vectors_of<T>(p) ? rope_launch::with_vectors_of<T, kFullVector<T>>(p, device, stream)
                                               : rope_launch::with_vectors_of<T, 1>(p, device, stream);
  });
}

}  // namespace warpwright
