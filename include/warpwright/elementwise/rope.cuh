// Kernel of the rotary embeddings. A thread turns the same pairs of several heads of a token: its angles are read or
// computed once. Memory bounds it, so heads are read two at a time, and the first ones before the angles are known.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/elementwise/rope_angles.cuh"
#include "warpwright/elementwise/rope_plan.h"
#include "warpwright/vector.cuh"

namespace warpwright {

// What a thread holds of a head: the two elements of kSize pairs, side by side or each in a vector of its own.
template <typename T, int kSize>
struct HeldPairs {
  Vector<T, kSize> one, other;
};

template <typename T>
__device__ __forceinline__ void turn(T& first, T& second, float cos, float sin) {
  const float x = to_float(first), y = to_float(second);
  first = from_float<T>(x * cos - y * sin);
  second = from_float<T>(y * cos + x * sin);
}

template <typename T, int kSize>
__device__ __forceinline__ void turn(HeldPairs<T, kSize>& held, bool interleave, const float (&cos)[kSize],
                                     const float (&sin)[kSize]) {
  if constexpr (kSize > 1) {
    if (interleave) {
#pragma unroll
      for (int i = 0; i < kSize; ++i) {
        Vector<T, kSize>& vector = i < kSize / 2 ? held.one : held.other;
        turn(vector.at[2 * i % kSize], vector.at[2 * i % kSize + 1], cos[i], sin[i]);
      }
      return;
    }
  }
#pragma unroll
  for (int i = 0; i < kSize; ++i) turn(held.one.at[i], held.other.at[i], cos[i], sin[i]);
}

// A thread's place in each head: where its two vectors are. Behind the lanes that turn come those that copy the rest;
// the last of them may have one vector alone, and takes it twice.
struct RopePlace {
  int pair = 0, one = 0, other = 0;
  bool turns = true;
};

template <int kSize>
__device__ __forceinline__ RopePlace place_of(const RopeProblem& p, int lane) {
  const int rotary = int(p.rotary_dim), half = rotary / 2, pair = lane * kSize;
  RopePlace place;
  if (pair < half) {
    place.pair = pair;
    place.one = p.interleave ? 2 * pair : pair;
    place.other = p.interleave ? place.one + kSize : half + pair;
  } else {
    place.turns = false;
    place.one = rotary + 2 * (pair - half);
    place.other = place.one + kSize < p.head_dim ? place.one + kSize : place.one;
  }
  return place;
}

// Heads of q, and behind them those of k, of one token.
template <typename T, int kSize>
struct TokenHeads {
  const RopeProblem& p;
  const RopePlace& place;
  const T *q, *k;
  T *q_out, *k_out;

  __device__ TokenHeads(const RopeProblem& p, const RopePlace& place, int64_t token)
      : p(p),
        place(place),
        q(static_cast<const T*>(p.q.input) + token * p.q.token_stride),
        k(static_cast<const T*>(p.k.input) + token * p.k.token_stride - p.q.heads * p.k.head_stride),
        q_out(static_cast<T*>(p.q.out) + token * p.q.out_token_stride),
        k_out(static_cast<T*>(p.k.out) + token * p.k.out_token_stride - p.q.heads * p.k.out_head_stride) {}

  __device__ __forceinline__ void read(int head, HeldPairs<T, kSize>& to) const {
    const T* from = head < p.q.heads ? q + head * p.q.head_stride : k + head * p.k.head_stride;
    to.one = *reinterpret_cast<const Vector<T, kSize>*>(from + place.one);
    to.other = *reinterpret_cast<const Vector<T, kSize>*>(from + place.other);
  }

  __device__ __forceinline__ void write(int head, const HeldPairs<T, kSize>& from) const {
    T* to = head < p.q.heads ? q_out + head * p.q.out_head_stride : k_out + head * p.k.out_head_stride;
    *reinterpret_cast<Vector<T, kSize>*>(to + place.one) = from.one;
    *reinterpret_cast<Vector<T, kSize>*>(to + place.other) = from.other;
  }
};

template <typename T, int kSize, typename Angles>
__device__ __forceinline__ void turn_heads(const RopeProblem& p, const RopePlace& place, const Angles& angles,
                                           int64_t token, int group, int groups) {
  constexpr int kAtOnce = 2;
  const int heads = int(p.q.heads + p.k.heads);
  int64_t position = 0;
  const bool is_covered = find_position(p, token, position);
  if (!is_covered && p.in_place) return;
  const bool turns = place.turns && is_covered;
  const TokenHeads<T, kSize> of(p, place, token);
  HeldPairs<T, kSize> held[kAtOnce];
  const auto read = [&](int first) {
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (first + i * groups < heads) of.read(first + i * groups, held[i]);
    }
  };
  read(group);
  float cos[kSize] = {}, sin[kSize] = {};
  if (turns) angles.read(p, position, cos, sin);
  for (int head = group;;) {
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (head + i * groups >= heads) break;
      if (turns) turn(held[i], p.interleave, cos, sin);
      of.write(head + i * groups, held[i]);
    }
    head += kAtOnce * groups;
    if (head >= heads) return;
    read(head);
  }
}

// Blocks in x take groups of heads of tokens, those in y lanes; both take further turns where a grid is too small.
template <typename T, int kSize, template <typename, int> typename Angles>
__global__ void __launch_bounds__(kRopeThreads, 5) rope_kernel(RopeProblem p, RopePlan plan) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int64_t items = p.tokens * plan.groups;
  const bool is_small = items < int64_t{1} << 31;  // a division of 64 bits takes ten times as long
  for (int64_t lane = int64_t{blockIdx.y} * blockDim.x + threadIdx.x; lane < plan.lanes;
       lane += int64_t{gridDim.y} * blockDim.x) {
    const RopePlace place = place_of<kSize>(p, int(lane));
    const Angles<T, kSize> angles(p, place.pair);
    for (int64_t item = int64_t{blockIdx.x} * blockDim.y + threadIdx.y; item < items;
         item += int64_t{gridDim.x} * blockDim.y) {
      const int64_t token = is_small ? int64_t{uint32_t(item) / uint32_t(plan.groups)} : item / plan.groups;
      turn_heads<T, kSize>(p, place, angles, token, int(item - token * plan.groups), int(plan.groups));
    }
  }
}

}  // namespace warpwright
