// Launch function of topk_softmax, topk_sigmoid, moe_fused_gate and kimi_k2_moe_fused_gate: the same code on every SM.

#include <type_traits>

#include "warpwright/launch_kernel.cuh"
#include "warpwright/moe/route.cuh"
#include "warpwright/moe/route_any.cuh"
#include "warpwright/moe/route_few.cuh"

namespace warpwright {

namespace route_launch {

constexpr int log2_of(int power) {
  int log2 = 0;
  while (1 << log2 < power) ++log2;
  return log2;
}

// True where every lane that holds kHeld numbers finds them in whole vectors.
template <typename T, int kHeld>
bool are_in_vectors(const void* start, int64_t stride, int64_t of_group) {
  return takes_vectors<T, kRouteVector<T, kHeld>>(start, stride, of_group);
}

template <typename Raw, int kHeld, int kLanes, Scoring kScoring, typename Choices>
Status launch_held(RouteWork& work, const RoutePlan& plan, cudaStream_t stream) {
  const RouteProblem& p = work.problem;
  work.of_group = int(p.experts / p.groups);
  work.group_lanes_shift = log2_of(plan.group_lanes);
  work.logits_in_vectors = are_in_vectors<Raw, kHeld>(p.logits, p.logits_stride, work.of_group);
  work.bias_in_vectors = p.bias_is_float32 ? are_in_vectors<float, kHeld>(p.bias, 0, work.of_group)
                                           : are_in_vectors<Raw, kHeld>(p.bias, 0, work.of_group);
  LaunchShape shape{blocks_in_turns(plan.blocks), 32 * plan.warps};
  shape.dependent = p.dependent;
  return launch_kernel<route_kernel<Raw, kHeld, kLanes, kScoring, Choices>>(shape, stream, work);
}

// Numbers of 16 bits that are chosen by as they are leave room for the expert's own; a lane alone has little to sort.
template <typename Raw, Scoring kScoring, int kHeld, int kLanes>
Status launch_held(const RouteProblem& p, const RoutePlan& plan, cudaStream_t stream) {
  RouteWork work{p};
  if constexpr (sizeof(Raw) == 2 && kHeld <= kMostPackedHeld && kLanes > 1) {
    if (p.bias == nullptr && p.groups == 1) {
      return launch_held<Raw, kHeld, kLanes, kScoring, PackedChoice<kHeld>>(work, plan, stream);
    }
  }
  return launch_held<Raw, kHeld, kLanes, kScoring, ExactChoice<kHeld>>(work, plan, stream);
}

template <typename Raw, Scoring kScoring>
Status launch_few(const RouteProblem& p, const RoutePlan& plan, cudaStream_t stream) {
  LaunchShape shape{blocks_in_turns(plan.blocks), 32 * plan.warps};
  shape.dependent = p.dependent;
  return launch_kernel<route_few_kernel<Raw, kScoring>>(shape, stream, FewExperts::of<Raw>(p));
}

template <Scoring kScoring>
Status launch_any(const RouteProblem& p, const RoutePlan& plan, cudaStream_t stream) {
  LaunchShape shape{blocks_in_turns(plan.blocks), kRouteBlockThreads};
  shape.dependent = p.dependent;
  return launch_kernel<route_any_kernel<kScoring>>(shape, stream, p);
}

template <typename Raw, Scoring kScoring>
Status launch(const RouteProblem& p, const Device& device, cudaStream_t stream) {
  const RoutePlan plan = plan_route(p.tokens, p.experts, p.groups, device.sm_count);
  if (FewExperts::are_in(p)) return launch_few<Raw, kScoring>(p, plan, stream);
  switch (plan.held * 100 + plan.lanes) {
    case 801:
      return launch_held<Raw, kScoring, 8, 1>(p, plan, stream);
    case 804:
      return launch_held<Raw, kScoring, 8, 4>(p, plan, stream);
    case 808:
      return launch_held<Raw, kScoring, 8, 8>(p, plan, stream);
    case 816:
      return launch_held<Raw, kScoring, 8, 16>(p, plan, stream);
    case 832:
      return launch_held<Raw, kScoring, 8, 32>(p, plan, stream);
    case 1232:
      return launch_held<Raw, kScoring, 12, 32>(p, plan, stream);
    case 1632:
      return launch_held<Raw, kScoring, 16, 32>(p, plan, stream);
    case 3232:
      return launch_held<Raw, kScoring, 32, 32>(p, plan, stream);
    default:
      return launch_any<kScoring>(p, plan, stream);
  }
}

template <typename Raw>
Status launch(const RouteProblem& p, const Device& device, cudaStream_t stream) {
  return p.scoring == Scoring::kSoftmax ? launch<Raw, Scoring::kSoftmax>(p, device, stream)
                                        : launch<Raw, Scoring::kSigmoid>(p, device, stream);
}

}  // namespace route_launch

Status topk_softmax(const RouteProblem& p, const Device& device, cudaStream_t stream) {
  return p.dtype == Dtype::kFloat32 ? route_launch::launch<float>(p, device, stream)
                                    : route_launch::launch<uint16_t>(p, device, stream);
}

}  // namespace warpwright
