// Kernel that chooses experts: a few lanes of a warp hold the scores of all experts of a token in registers.
#pragma once

#include <type_traits>

#include "warpwright/dependent_launch.cuh"
#include "warpwright/moe/route_output.cuh"
#include "warpwright/moe/route_plan.h"

namespace warpwright {

// What the launcher makes of a problem.
struct RouteWork {
  RouteProblem problem;
  int of_group = 0;           // experts
  int group_lanes_shift = 5;  // the power of two that there are lanes of a group
  bool logits_in_vectors = false, bias_in_vectors = false;
};

// The experts that a lane holds, adjacent ones of one group.
struct HeldExperts {
  int group, first, count;

  template <int kHeld>
  __device__ static HeldExperts of(const RouteWork& work, int lane) {
    const int group = lane >> work.group_lanes_shift, place = (lane - (group << work.group_lanes_shift)) * kHeld;
    const int left = group < work.problem.groups ? work.of_group - place : 0;
    return {group, group * work.of_group + place, min(max(left, 0), kHeld)};
  }
};

// Drops the lanes of all groups but those of the largest scores: each group's is the sum of its two largest.
template <int kHeld, typename Lanes>
__device__ __forceinline__ void keep_best_groups(const RouteWork& work, const Lanes& lanes, int group,
                                                 ExactChoice<kHeld>& choice) {
  uint32_t one, two;
  choice.two_largest(one, two);
#pragma unroll
  for (int step = 4; step >= 0; --step) {
    if (work.group_lanes_shift <= step) continue;
    const uint32_t other_one = __shfl_xor_sync(0xffffffffu, one, 1 << step);
    two = max(max(two, __shfl_xor_sync(0xffffffffu, two, 1 << step)), min(one, other_one));
    one = max(one, other_one);
  }
  const uint32_t own = order_of(two == 0 ? of_order(one) : of_order(one) + of_order(two));
  const int groups = int(work.problem.groups);
  int better = 0;
#pragma unroll 1
  for (int g = 0; g < groups; ++g) {
    const uint32_t other = lanes.from(own, g << work.group_lanes_shift);
    better += other > own || (other == own && g < group);
  }
  if (better >= work.problem.kept_groups) choice.drop();
}

// The largest of a token's numbers, and one over the sum of the exponentials of what they are less than it. Without a
// bias, they were chosen by before they were capped.
template <int kHeld, typename Lanes>
__device__ __forceinline__ SoftmaxOfToken softmax_of(const RouteProblem& p, const Lanes& lanes, const HeldExperts& held,
                                                     float (&numbers)[kHeld], float largest) {
  if (p.bias == nullptr && p.softcap != 0.f) {
    largest = capped(p, largest);
#pragma unroll
    for (int i = 0; i < kHeld; ++i) numbers[i] = i < held.count ? capped(p, numbers[i]) : -INFINITY;
  }
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kHeld; ++i) sum += exp2_of((numbers[i] - largest) * kLog2E);
  return {largest, reciprocal_of(lanes.sum_of(sum))};
}

// What an expert was chosen by, read again.
template <Scoring kScoring, typename Raw>
__device__ __forceinline__ float score_of_expert(const RouteProblem& p, const Raw* logits, int id) {
  const float logit = float_of(logits[id], p.dtype == Dtype::kFloat16);
  if (p.bias == nullptr) return logit;
  const Dtype dtype = p.bias_is_float32 ? Dtype::kFloat32 : p.dtype;
  return biased_score<kScoring>(p, logit, read_float(p.bias, dtype, id));
}

// The same as below for scores of any bits, where their upper bits suffice; false, and nothing done, where not.
template <typename Raw, int kHeld, Scoring kScoring, typename Lanes>
__device__ __forceinline__ bool route_token_by_upper_bits(const RouteProblem& p, const Lanes& lanes,
                                                          const HeldExperts& held, const Raw* logits, int64_t token,
                                                          bool is_there, float (&scores)[kHeld]) {
  if (p.groups > 1 || p.routed > Lanes::kCount) return false;
  Choice kept{0, 0.f};
  if (!choose_by_upper_bits(scores, held.count, held.first, lanes, int(p.routed), kept.id)) return false;
  SoftmaxOfToken softmax;
  float sum = 0;
  if constexpr (kScoring == Scoring::kSoftmax) {
    float largest = -INFINITY;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) largest = fmaxf(largest, scores[i]);
    softmax = softmax_of(p, lanes, held, scores, of_order(lanes.max_of(order_of(largest))));
    kept.score = of_order(order_of(score_of_expert<kScoring>(p, logits, kept.id)));
  }
  write_kept<Raw, kScoring>(p, lanes, logits, token, is_there, softmax, kept, 0, sum);
  if (is_there) write_shared(p, token, lanes.lane, Lanes::kCount);
  return true;
}

// Without a bias the choice is by the logits themselves.
template <typename Raw, int kHeld, Scoring kScoring, typename Choices, typename Lanes>
__device__ __forceinline__ void route_token(const RouteWork& work, const Lanes& lanes, const HeldExperts& held,
                                            int64_t token, bool is_there) {
  constexpr bool kIsExact = std::is_same_v<Choices, ExactChoice<kHeld>>;
  const RouteProblem& p = work.problem;
  const Raw* logits = static_cast<const Raw*>(p.logits) + token * p.logits_stride;
  float scores[kHeld];
  read_held<Raw>(logits + held.first, held.count, work.logits_in_vectors, p.dtype == Dtype::kFloat16, scores);
  if constexpr (kIsExact) {
    if (p.bias != nullptr) bias_held<kScoring, Raw>(p, held.first, held.count, work.bias_in_vectors, scores);
  }
  if constexpr (kIsExact && Lanes::kCount > 1 && kHeld <= kMostPackedHeld) {
    if (route_token_by_upper_bits<Raw, kHeld, kScoring>(p, lanes, held, logits, token, is_there, scores)) return;
  }
  Choices choices(scores, held.count, held.first);
  SoftmaxOfToken softmax;
  if constexpr (kScoring == Scoring::kSoftmax) {
    softmax = softmax_of(p, lanes, held, scores, choices.largest(lanes));
  } else if constexpr (kIsExact && Lanes::kCount > 1) {
    if (p.groups > 1) keep_best_groups(work, lanes, held.group, choices);
  }
  if constexpr (Lanes::kCount == 1) {
    write_choices_of_lane<Raw, kScoring, kHeld>(p, lanes, logits, token, is_there, softmax, choices);
  } else {
    write_choices<Raw, kScoring>(p, lanes, logits, token, is_there, softmax, choices);
  }
}

// With so many blocks on an SM, the registers hold all that a thread needs.
template <int kHeld>
constexpr int kRouteBlocksOfSm = kHeld > 16 ? 3 : 5;

// Lanes of no token take part with the last one's numbers, and write nothing.
template <typename Raw, int kHeld, int kLanes, Scoring kScoring, typename Choices>
__global__ void __launch_bounds__(32 * kMostRouteWarps, kRouteBlocksOfSm<kHeld>) route_kernel(RouteWork work) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  constexpr int kOfWarp = 32 / kLanes;
  const TokenLanes<kLanes> lanes;
  const HeldExperts held = HeldExperts::of<kHeld>(work, lanes.lane);
  const int64_t warps = blockDim.x / 32, tokens = work.problem.tokens;
#pragma unroll 1
  for (int64_t warp = blockIdx.x * warps + threadIdx.x / 32; warp * kOfWarp < tokens; warp += gridDim.x * warps) {
    const int64_t token = warp * kOfWarp + lanes.start / kLanes;
    route_token<Raw, kHeld, kScoring, Choices>(work, lanes, held, min(token, tokens - 1), token < tokens);
  }
}

}  // namespace warpwright
