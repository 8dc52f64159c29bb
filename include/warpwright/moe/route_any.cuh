// Kernel that chooses among any number of experts, in any number of groups: a block has a token, and reads its logits
// again for each choice. What is next is the largest below the one before, so that nothing has to be kept.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/moe/route_output.cuh"
#include "warpwright/moe/route_plan.h"
#include "warpwright/rows/row_reduce.cuh"

namespace warpwright {

// A score and, among equal ones the lowest first, whose it is: a number that no other has, and that is not 0.
__device__ __forceinline__ uint64_t candidate_of(uint32_t order, int64_t index) {
  return uint64_t{order} << 32 | ~uint32_t(index);
}
__device__ __forceinline__ int index_of(uint64_t candidate) { return int(~uint32_t(candidate)); }

__device__ __forceinline__ uint64_t largest_of_warp(uint64_t value) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) value = max(value, __shfl_xor_sync(0xffffffffu, value, offset));
  return value;
}

// Every thread of the block takes part.
__device__ __forceinline__ uint64_t largest_of_block(uint64_t value) {
  __shared__ uint64_t of_warp[kRouteBlockThreads / 32];
  value = largest_of_warp(value);
  __syncthreads();  // the last call's numbers have been read
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  const int lane = threadIdx.x % 32;
  return largest_of_warp(lane < kRouteBlockThreads / 32 ? of_warp[lane] : 0);
}

// The experts of a token.
template <Scoring kScoring>
class AnyExperts {
 public:
  __device__ AnyExperts(const RouteProblem& p, int64_t token)
      : p_(p), row_(token * p.logits_stride), of_group_(p.experts / p.groups) {
    if (p.groups > 1) find_threshold();
  }

  __device__ float logit(int64_t expert) const { return read_float(p_.logits, p_.dtype, row_ + expert); }

  // What an expert is chosen by.
  __device__ float score(int64_t expert) const {
    const float x = logit(expert);
    if (p_.bias == nullptr) return x;
    return biased_score<kScoring>(p_, x, read_float(p_.bias, p_.bias_is_float32 ? Dtype::kFloat32 : p_.dtype, expert));
  }

  // The largest candidate below another one.
  __device__ uint64_t next(uint64_t below) const {
    uint64_t best = 0;
    if (p_.groups == 1) {
      best = best_of(0, p_.experts, threadIdx.x, blockDim.x, below);
    } else {
#pragma unroll 1
      for (int64_t group = threadIdx.x / 32; group < p_.groups; group += blockDim.x / 32) {
        if (candidate_of_group(group) < threshold_) continue;
        const int64_t first = group * of_group_;
        best = max(best, best_of(first, first + of_group_, threadIdx.x % 32, 32, below));
      }
    }
    return largest_of_block(best);
  }

 private:
  __device__ __noinline__ uint64_t best_of(int64_t first, int64_t end, int thread, int threads, uint64_t below) const {
    uint64_t best = 0;
#pragma unroll 1
    for (int64_t expert = first + thread; expert < end; expert += threads) {
      const uint64_t candidate = candidate_of(order_of(score(expert)), expert);
      if (candidate < below) best = max(best, candidate);
    }
    return best;
  }

  // By the sum of a group's two largest scores; a warp has a group.
  __device__ uint64_t candidate_of_group(int64_t group) const {
    const int64_t first = group * of_group_, end = first + of_group_;
    const uint64_t one = largest_of_warp(best_of(first, end, threadIdx.x % 32, 32, ~uint64_t{0}));
    const uint64_t two = largest_of_warp(best_of(first, end, threadIdx.x % 32, 32, one));
    const float largest = of_order(uint32_t(one >> 32));
    return candidate_of(order_of(two == 0 ? largest : largest + of_order(uint32_t(two >> 32))), group);
  }

  // The group of the least score that is kept.
  __device__ void find_threshold() {
    threshold_ = ~uint64_t{0};
#pragma unroll 1
    for (int64_t rank = 0; rank < p_.kept_groups; ++rank) {
      uint64_t best = 0;
#pragma unroll 1
      for (int64_t group = threadIdx.x / 32; group < p_.groups; group += blockDim.x / 32) {
        const uint64_t candidate = candidate_of_group(group);
        if (candidate < threshold_) best = max(best, candidate);
      }
      threshold_ = largest_of_block(best);
    }
  }

  const RouteProblem& p_;
  int64_t row_, of_group_;
  uint64_t threshold_ = 0;
};

template <Scoring kScoring>
__device__ SoftmaxOfToken softmax_of(const RouteProblem& p, const AnyExperts<kScoring>& experts) {
  RowReduce reduce;
  float largest = of_order(uint32_t(experts.next(~uint64_t{0}) >> 32)), sum = 0;
  if (p.bias == nullptr) largest = capped(p, largest);
#pragma unroll 1
  for (int64_t expert = threadIdx.x; expert < p.experts; expert += blockDim.x) {
    const float score = experts.score(expert), number = p.bias == nullptr ? capped(p, score) : score;
    sum += exp2_of((number - largest) * kLog2E);
  }
  return {largest, reciprocal_of(reduce.over_row<Sum>(sum))};
}

template <Scoring kScoring>
__device__ void route_token_by_block(const RouteProblem& p, int64_t token) {
  const AnyExperts<kScoring> experts(p, token);
  SoftmaxOfToken softmax;
  if constexpr (kScoring == Scoring::kSoftmax) softmax = softmax_of(p, experts);
  float* weights = p.weights + token * p.weights_stride;
  float sum = 0;
  uint64_t candidate = ~uint64_t{0};
#pragma unroll 1
  for (int64_t rank = 0; rank < p.routed; ++rank) {
    candidate = experts.next(candidate);
    const Choice choice{index_of(candidate), of_order(uint32_t(candidate >> 32))};
    const float logit = kScoring == Scoring::kSigmoid ? experts.logit(choice.id) : 0.f;
    const float weight = weight_of<kScoring>(p, logit, softmax, choice.score);
    sum += weight;
    if (threadIdx.x != 0) continue;
    weights[rank] = weight;
    write_id(p, token, rank, choice.id);
  }
  __syncthreads();
#pragma unroll 1
  for (int64_t rank = threadIdx.x; rank < p.routed; rank += blockDim.x) weights[rank] = scaled(p, weights[rank], sum);
  write_shared(p, token, threadIdx.x, blockDim.x);
}

template <Scoring kScoring>
__global__ void __launch_bounds__(kRouteBlockThreads) route_any_kernel(RouteProblem p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
#pragma unroll 1
  for (int64_t token = blockIdx.x; token < p.tokens; token += gridDim.x) {
    route_token_by_block<kScoring>(p, token);
  }
}

}  // namespace warpwright
