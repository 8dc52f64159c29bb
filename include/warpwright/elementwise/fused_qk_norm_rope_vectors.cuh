// Kernel of fused_qk_norm_rope for heads of whole vectors. A lane holds both elements of eight pairs, the same ones in
// each head of a token: their angles, which the block computes once, stay in registers, and no partner is looked for.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/elementwise/fused_qk_norm_rope.h"
#include "warpwright/elementwise/fused_qk_norm_rope_plan.h"
#include "warpwright/elementwise/rope_angles.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

// What a lane has of a head, or of a weight, as it was read: nothing waits for it before it is taken.
struct NormRopeVectors {
  uint4 one, other;
};

// In parts of 32 bits. The compiler does not know what they are: else it would make floats of them, of weights once
// for all heads, and of heads as soon as they are read, and have no registers left.
template <typename T>
__device__ __forceinline__ void take_pair(uint32_t read, float& first, float& second) {
#ifdef __CUDA_ARCH__
  asm volatile("" : "+r"(read));
#endif
  const auto pair = reinterpret_cast<const Vector<T, 2>&>(read);
  first = to_float(pair.at[0]);
  second = to_float(pair.at[1]);
}

template <typename T>
__device__ __forceinline__ void take_vector(const uint4& read, float* to) {
  take_pair<T>(read.x, to[0], to[1]);
  take_pair<T>(read.y, to[2], to[3]);
  take_pair<T>(read.z, to[4], to[5]);
  take_pair<T>(read.w, to[6], to[7]);
}

// Where a lane's vectors are in each head. Behind the lanes that turn come those of the rest, then perhaps idle ones.
struct NormRopePlace {
  int one, distance;  // of the first vector from the head's start, and of the other one from it
  bool is_in_head, turns;

  __device__ __forceinline__ NormRopePlace(const FusedQkNormRopeProblem& p, int lane) {
    const int pair = lane * kNormRopePairs, half = p.rotary_dim / 2;
    is_in_head = 2 * pair < p.head_dim;
    turns = pair < half;
    one = p.interleave || !turns ? 2 * pair : pair;
    distance = p.interleave || !turns ? kNormRopePairs : half;
  }
};

// The frequencies of all pairs, each of which one thread alone writes and reads; the angles of this token and of the
// one before, which slower threads may still read. A lane's angles are 80 bytes from the next lane's: other banks.
struct NormRopeTable {
  static constexpr int kMostPairs = kMostOfVectorHead / 2, kOfLane = kNormRopePairs + 2;
  double frequencies[kMostPairs];
  float4 angles[2][kMostPairs / kNormRopePairs * kOfLane / 2];  // cosine, sine, and those of the next pair

  __device__ __forceinline__ void find_frequencies(const FusedQkNormRopeProblem& p) {
#pragma unroll 1
    for (int i = threadIdx.x; i < p.rotary_dim / 2; i += blockDim.x) {
      const double ramp = fmin(fmax(i * p.ramp_slope + p.ramp_offset, 0.), 1.);
      frequencies[i] = exp2(-p.octaves * i) * (1. - ramp + ramp * p.inverse_factor);
    }
  }

  __device__ __forceinline__ void find_angles(const FusedQkNormRopeProblem& p, int64_t position, int side) {
    float2* to = reinterpret_cast<float2*>(angles[side]);
    const double turns = double(position) * kTurnsOfRadian;
#pragma unroll 1
    for (int i = threadIdx.x; i < p.rotary_dim / 2; i += blockDim.x) {
      float cos, sin;
      cos_sin_of(turns * frequencies[i], cos, sin);
      to[i / kNormRopePairs * kOfLane + i % kNormRopePairs] =
          make_float2(cos * p.attention_factor, sin * p.attention_factor);
    }
  }

  __device__ __forceinline__ void read(int lane, int side, float (&cos)[kNormRopePairs],
                                       float (&sin)[kNormRopePairs]) const {
    const float4* from = angles[side] + lane * (kOfLane / 2);
#pragma unroll
    for (int i = 0; i < kNormRopePairs; i += 2) {
      const float4 two = from[i / 2];
      cos[i] = two.x;
      sin[i] = two.y;
      cos[i + 1] = two.z;
      sin[i + 1] = two.w;
    }
  }
};

__device__ __forceinline__ void turn_normed(float& x, float& y, float cos, float sin) {
  const float first = x * cos - y * sin;
  y = y * cos + x * sin;
  x = first;
}

// `lanes` neighbours hold a head; all lanes of the warp come here.
template <typename T>
__device__ __forceinline__ void norm_vectors(const FusedQkNormRopeProblem& p, int lanes,
                                             const NormRopeVectors& weight, float (&x)[2 * kNormRopePairs]) {
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < 2 * kNormRopePairs; ++i) sum += x[i] * x[i];
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    if (distance < lanes) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
  }
  const float scale = rsqrtf(sum / p.head_dim + p.eps);
  float w[2 * kNormRopePairs];
  take_vector<T>(weight.one, w);
  take_vector<T>(weight.other, w + kNormRopePairs);
#pragma unroll
  for (int i = 0; i < 2 * kNormRopePairs; ++i) x[i] *= scale * w[i];
}

template <typename T>
__device__ __forceinline__ void read_vectors(const T* one, const NormRopePlace& place, NormRopeVectors& to) {
  to.one = *reinterpret_cast<const uint4*>(one);
  to.other = *reinterpret_cast<const uint4*>(one + place.distance);
}

template <typename T>
__device__ __forceinline__ void write_vectors(T* one, const NormRopePlace& place,
                                              const float (&x)[2 * kNormRopePairs]) {
  write_vector<T>(one, reinterpret_cast<const float(&)[kNormRopePairs]>(x));
  write_vector<T>(one + place.distance, reinterpret_cast<const float(&)[kNormRopePairs]>(x[kNormRopePairs]));
}

// Side by side in pairs, or each vector a side of them.
__device__ __forceinline__ void turn_vectors(bool interleave, const float (&cos)[kNormRopePairs],
                                             const float (&sin)[kNormRopePairs], float (&x)[2 * kNormRopePairs]) {
  if (interleave) {
#pragma unroll
    for (int i = 0; i < kNormRopePairs; ++i) turn_normed(x[2 * i], x[2 * i + 1], cos[i], sin[i]);
  } else {
#pragma unroll
    for (int i = 0; i < kNormRopePairs; ++i) turn_normed(x[i], x[kNormRopePairs + i], cos[i], sin[i]);
  }
}

// Blocks along x have tokens, those along y parts of the heads. What is read next is on its way before it is needed.
template <typename T>
__global__ void __launch_bounds__(32 * kMostNormRopeWarps, 3)
    fused_qk_norm_rope_vectors_kernel(FusedQkNormRopeProblem p, int lanes, int steps) {
  __shared__ NormRopeTable table;
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int lane = threadIdx.x & (lanes - 1), heads = p.q_heads + p.k_heads, heads_of_block = int(blockDim.x) / lanes;
  const int first = int(blockIdx.y) * heads_of_block + int(threadIdx.x) / lanes;
  const int stride = int(gridDim.y) * heads_of_block;
  const NormRopePlace place(p, lane);
  const auto has = [&](int head) { return place.is_in_head && head < heads; };
  const auto at = [&](int64_t token) {
    return static_cast<T*>(p.qkv) + token * p.token_stride + (int64_t{first} * p.head_dim + place.one);
  };
  const auto weight_of = [&](bool is_k) { return static_cast<const T*>(is_k ? p.k_weight : p.q_weight) + place.one; };

  int64_t token = blockIdx.x;
  NormRopeVectors next_head{}, weight{};  // zeros, which lanes behind the head add to its sum
  bool has_k_weight = first >= p.q_heads;
  int64_t position = read_index(p.positions, token);
  T* here = at(token);
  if (has(first)) {
    read_vectors<T>(here, place, next_head);
    read_vectors<T>(weight_of(has_k_weight), place, weight);
  }
  table.find_frequencies(p);
#pragma unroll 1
  for (int side = 0; token < p.tokens; side ^= 1) {
    table.find_angles(p, position, side);
    const int64_t next_token = token + gridDim.x;
    if (next_token < p.tokens) position = read_index(p.positions, next_token);
    __syncthreads();
    float cos[kNormRopePairs], sin[kNormRopePairs];
    if (place.turns) table.read(lane, side, cos, sin);
    int head = first;
#pragma unroll 1
    for (int step = 1; step <= steps; ++step) {
      float x[2 * kNormRopePairs];
      take_vector<T>(next_head.one, x);
      take_vector<T>(next_head.other, x + kNormRopePairs);
      const bool is_last = step == steps;
      const int head_ahead = is_last ? first : head + stride;
      T* ahead = is_last ? at(next_token) : here + int64_t{stride} * p.head_dim;
      if (has(head_ahead) && !(is_last && next_token >= p.tokens)) read_vectors<T>(ahead, place, next_head);
      const bool is_k = head >= p.q_heads;
      if (is_k != has_k_weight && has(head)) {
        read_vectors<T>(weight_of(is_k), place, weight);
        has_k_weight = is_k;
      }
      norm_vectors<T>(p, lanes, weight, x);
      if (place.turns) turn_vectors(p.interleave, cos, sin, x);
      if (has(head)) write_vectors<T>(here, place, x);
      head = head_ahead;
      here = ahead;
    }
    token = next_token;
  }
}

}  // namespace warpwright
