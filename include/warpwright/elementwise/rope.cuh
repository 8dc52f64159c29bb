// Kernel of the rotary embeddings. A thread turns the same pairs of several heads of a token: its angles are read or
// computed once. Memory bounds it, so heads are read two at a time, and the first ones before the angles are known. Where
// positions and angles come from are policies (rope_angles.cuh), which a kernel would else find out anew for every token.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/divider.h"
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

// Threads of a head: for its pairs, and where it is not in place for what is copied beside them.
template <int kSize>
__host__ __device__ constexpr int rope_lanes(int head_dim, int rotary_dim, bool in_place) {
  return rotary_dim / 2 / kSize + (in_place ? 0 : (head_dim - rotary_dim + 2 * kSize - 1) / (2 * kSize));
}

// What a kernel is given.
template <typename Positions, typename Angles>
struct RopeArguments {
  Positions positions;
  int64_t items;
  Divider groups;  // of a token's heads
  int q_heads, heads;  // of q, and of q and k
  int head_dim, rotary_dim;
  bool interleave, in_place;
  RopeHeads q, k;
  Angles angles;

  RopeArguments(const RopeProblem& p, int64_t groups_of_token)
      : positions(p),
        items(p.tokens * groups_of_token),
        groups(groups_of_token),
        q_heads(int(p.q.heads)),
        heads(int(p.q.heads + p.k.heads)),
        head_dim(int(p.head_dim)),
        rotary_dim(int(p.rotary_dim)),
        interleave(p.interleave),
        in_place(p.in_place),
        q(p.q),
        k(p.k),
        angles(p) {}
};

// A thread's place in each head: where its two vectors are. Behind the lanes that turn come those that copy the rest;
// the last of them may have one vector alone, and takes it twice.
struct RopePlace {
  int pair = 0, one = 0, other = 0;
  bool turns = true;
};

template <int kSize, typename Arguments>
__device__ __forceinline__ RopePlace place_of(const Arguments& p, int lane) {
  const int half = p.rotary_dim / 2, pair = lane * kSize;
  RopePlace place;
  if (pair < half) {
    place.pair = pair;
    place.one = p.interleave ? 2 * pair : pair;
    place.other = p.interleave ? place.one + kSize : half + pair;
  } else {
    place.turns = false;
    place.one = p.rotary_dim + 2 * (pair - half);
    place.other = place.one + kSize < p.head_dim ? place.one + kSize : place.one;
  }
  return place;
}

// Heads of q, and behind them those of k, of one token.
template <typename T, int kSize, typename Arguments>
struct TokenHeads {
  using Chunk = Vector<T, kSize>;

  const Arguments& p;
  const RopePlace& place;
  const int64_t token;

  __device__ __forceinline__ void read(int head, HeldPairs<T, kSize>& to) const {
    const bool is_q = head < p.q_heads;
    const T* from = static_cast<const T*>(is_q ? p.q.input : p.k.input);
    from += token * (is_q ? p.q.token_stride : p.k.token_stride);
    from += (is_q ? head : head - p.q_heads) * (is_q ? p.q.head_stride : p.k.head_stride);
    to.one = *reinterpret_cast<const Chunk*>(from + place.one);
    to.other = *reinterpret_cast<const Chunk*>(from + place.other);
  }

  __device__ __forceinline__ void write(int head, const HeldPairs<T, kSize>& from) const {
    const bool is_q = head < p.q_heads;
    T* to = static_cast<T*>(is_q ? p.q.out : p.k.out);
    to += token * (is_q ? p.q.out_token_stride : p.k.out_token_stride);
    to += (is_q ? head : head - p.q_heads) * (is_q ? p.q.out_head_stride : p.k.out_head_stride);
    *reinterpret_cast<Chunk*>(to + place.one) = from.one;
    *reinterpret_cast<Chunk*>(to + place.other) = from.other;
  }
};

// Every so many-th head of a token, from `first` on.
template <typename T, int kSize, typename Arguments, typename OfPair>
__device__ __forceinline__ void turn_heads(const Arguments& p, const RopePlace& place, OfPair of_pair, int64_t token,
                                           int first, int step) {
  constexpr int kAtOnce = 2;
  int64_t position = 0;
  const bool is_covered = p.positions.find(token, position);
  if (!is_covered && p.in_place) return;
  const TokenHeads<T, kSize, Arguments> of{p, place, token};
  HeldPairs<T, kSize> held[kAtOnce];
  const auto read = [&](int head) {
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (head + i * step < p.heads) of.read(head + i * step, held[i]);
    }
  };
  read(first);
  const bool turns = place.turns && is_covered;
  float cos[kSize] = {}, sin[kSize] = {};
  if (turns) p.angles.template read<T>(of_pair, position, cos, sin);
  for (int head = first;;) {
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (head + i * step >= p.heads) break;
      if (turns) turn(held[i], p.interleave, cos, sin);
      of.write(head + i * step, held[i]);
    }
    head += kAtOnce * step;
    if (head >= p.heads) return;
    read(head);
  }
}

// Blocks in x take groups of heads of tokens, those in y lanes; both take further turns where a grid is too small.
template <typename T, int kSize, typename Positions, typename Angles>
__global__ void __launch_bounds__(kRopeThreads, 5)
    rope_kernel(const __grid_constant__ RopeArguments<Positions, Angles> p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int lanes = rope_lanes<kSize>(p.head_dim, p.rotary_dim, p.in_place), groups = int(p.groups.divisor());
  for (int lane = blockIdx.y * blockDim.x + threadIdx.x; lane < lanes; lane += gridDim.y * blockDim.x) {
    const RopePlace place = place_of<kSize>(p, lane);
    const auto of_pair = p.angles.of_pair(place.pair);
    for (int64_t item = int64_t{blockIdx.x} * blockDim.y + threadIdx.y; item < p.items;
         item += int64_t{gridDim.x} * blockDim.y) {
      const int64_t token = p.groups.divide(item);
      turn_heads<T, kSize>(p, place, of_pair, token, int(item - token * groups), groups);
    }
  }
}

}  // namespace warpwright
