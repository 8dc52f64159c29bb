// Where the choices of a token go, and what they weigh.
#pragma once

#include "warpwright/moe/route_choice.cuh"

namespace warpwright {

struct SoftmaxOfToken {
  float largest = 0, inverse_sum = 0;
};

// The weight of an expert before it is renormalised: of a softmax by what it was chosen by, of a sigmoid by its logit.
template <Scoring kScoring>
__device__ __forceinline__ float weight_of(const RouteProblem& p, float logit, const SoftmaxOfToken& softmax,
                                           float score) {
  if constexpr (kScoring == Scoring::kSigmoid) return sigmoid_of(logit);
  const float number = p.bias == nullptr ? capped(p, score) : score;
  return exp2_of((number - softmax.largest) * kLog2E) * softmax.inverse_sum;
}

// A weight as it is written, given the sum of all of its token.
__device__ __forceinline__ float scaled(const RouteProblem& p, float weight, float sum) {
  return (p.renormalize && sum != 0.f ? weight / sum : weight) * p.scale;
}

__device__ __forceinline__ void write_id(const RouteProblem& p, int64_t token, int64_t rank, int64_t id) {
  const int64_t place = token * p.ids_stride + rank;
  if (p.ids_of_64_bits) {
    static_cast<int64_t*>(p.ids)[place] = id;
  } else {
    static_cast<int32_t*>(p.ids)[place] = int32_t(id);
  }
  if (p.source_rows != nullptr) p.source_rows[token * p.source_rows_stride + rank] = int32_t(rank * p.tokens + token);
}

// The experts that every token has, behind those that were chosen.
__device__ __forceinline__ void write_shared(const RouteProblem& p, int64_t token, int thread, int threads) {
#pragma unroll 1
  for (int64_t i = thread; i < p.shared; i += threads) {
    p.weights[token * p.weights_stride + p.routed + i] = p.shared_weight;
    write_id(p, token, p.routed + i, p.experts + i);
  }
}

// Writes the choices of a token that one lane has, of as many experts at most: their weights wait for their sum.
template <typename Raw, Scoring kScoring, int kHeld, typename Lanes, typename Choices>
__device__ __forceinline__ void write_choices_of_lane(const RouteProblem& p, const Lanes& lanes, const Raw* logits,
                                                      int64_t token, bool is_there, const SoftmaxOfToken& softmax,
                                                      Choices& choices) {
  const int routed = int(p.routed);
  float weights[kHeld] = {}, sum = 0;
#pragma unroll 1
  for (int rank = 0; rank < routed; ++rank) {
    const Choice choice = choices.next(lanes);
    const float logit = kScoring == Scoring::kSigmoid ? float_of(logits[choice.id], p.dtype == Dtype::kFloat16) : 0.f;
    const float weight = weight_of<kScoring>(p, logit, softmax, choice.score);
    sum += weight;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) weights[i] = i == rank ? weight : weights[i];
    if (is_there) write_id(p, token, rank, choice.id);
  }
  if (!is_there) return;
#pragma unroll
  for (int i = 0; i < kHeld; ++i) {
    if (i < routed) p.weights[token * p.weights_stride + i] = scaled(p, weights[i], sum);
  }
  write_shared(p, token, 0, 1);
}

// Writes the choices of a token from the one of rank `first` on, of which each lane has one, `kept`. With the last of
// them the sum of all weights is known.
template <typename Raw, Scoring kScoring, typename Lanes>
__device__ __forceinline__ void write_kept(const RouteProblem& p, const Lanes& lanes, const Raw* logits, int64_t token,
                                           bool is_there, const SoftmaxOfToken& softmax, const Choice& kept, int first,
                                           float& sum) {
  const int rank = first + lanes.lane, routed = int(p.routed);
  float logit = 0, weight = 0;
  if constexpr (kScoring == Scoring::kSigmoid) logit = float_of(logits[kept.id], p.dtype == Dtype::kFloat16);
  if (rank < routed) weight = weight_of<kScoring>(p, logit, softmax, kept.score);
  if (p.renormalize) sum += weight;
  if (first + Lanes::kCount >= routed) {
    if (p.renormalize) sum = lanes.sum_of(sum);
    weight = scaled(p, weight, sum);
  }
  if (is_there && rank < routed) {
    p.weights[token * p.weights_stride + rank] = weight;
    write_id(p, token, rank, kept.id);
  }
}

// Writes the choices of a token: each lane keeps one of as many as there are lanes, and they write them together. A sum
// that is known only then comes to the weights that were written before it.
template <typename Raw, Scoring kScoring, typename Lanes, typename Choices>
__device__ __forceinline__ void write_choices(const RouteProblem& p, const Lanes& lanes, const Raw* logits,
                                              int64_t token, bool is_there, const SoftmaxOfToken& softmax,
                                              Choices& choices) {
  const int routed = int(p.routed);
  float sum = 0;
#pragma unroll 1
  for (int first = 0; first < routed; first += Lanes::kCount) {
    Choice kept{0, 0.f};
    const int end = min(Lanes::kCount, routed - first);
#pragma unroll 1
    for (int i = 0; i < end; ++i) {
      const Choice choice = choices.next(lanes);
      if (i == lanes.lane) kept = choice;
    }
    write_kept<Raw, kScoring>(p, lanes, logits, token, is_there, softmax, kept, first, sum);
  }
  if (!is_there) return;
  float* weights = p.weights + token * p.weights_stride;
#pragma unroll 1
  for (int rank = lanes.lane; rank < (routed - 1) / Lanes::kCount * Lanes::kCount; rank += Lanes::kCount) {
    weights[rank] = scaled(p, weights[rank], sum);
  }
  write_shared(p, token, lanes.lane, Lanes::kCount);
}

}  // namespace warpwright
