// Kernel of fused_qk_norm_rope for heads of any size: a warp has one token and every groups-th of its heads, and knows
// the token's angles once. A head goes through shared memory, where each lane finds the partners of its elements.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/elementwise/fused_qk_norm_rope.h"
#include "warpwright/elementwise/rope_angles.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

constexpr int kNormRopeWarps = 4;

// The normed head, and the cosines and sines of the token.
template <int kMost>
struct NormRopeStorage {
  float head[kMost];
  float cos[kMost / 2], sin[kMost / 2];
};

template <int kMost>
__device__ __forceinline__ void find_angles(const FusedQkNormRopeProblem& p, int64_t token, int lane,
                                            NormRopeStorage<kMost>& storage) {
  const double turns = double(read_index(p.positions, token)) * kTurnsOfRadian;
  for (int i = lane; i < p.rotary_dim / 2; i += 32) {
    const double ramp = fmin(fmax(i * p.ramp_slope + p.ramp_offset, 0.), 1.);
    float cos, sin;
    cos_sin_of(turns * (exp2(-p.octaves * i) * (1. - ramp + ramp * p.inverse_factor)), cos, sin);
    storage.cos[i] = cos * p.attention_factor;
    storage.sin[i] = sin * p.attention_factor;
  }
}

// One element of the head, turned where it belongs to a pair.
template <int kMost>
__device__ __forceinline__ float turned(const FusedQkNormRopeProblem& p, const NormRopeStorage<kMost>& storage, int i) {
  const float x = storage.head[i];
  if (i >= p.rotary_dim) return x;
  const int half = p.rotary_dim / 2;
  const int pair = p.interleave ? i / 2 : i < half ? i : i - half;
  const bool is_first = p.interleave ? i % 2 == 0 : i < half;
  const int distance = p.interleave ? 1 : half;
  const float partner = storage.head[is_first ? i + distance : i - distance];
  return x * storage.cos[pair] + (is_first ? -partner : partner) * storage.sin[pair];
}

// Each lane has kSize adjacent elements in turn, of at most kMost in all.
template <typename T, int kSize, int kMost>
__device__ __forceinline__ void norm_and_turn(const FusedQkNormRopeProblem& p, T* head, const T* weight, int lane,
                                              NormRopeStorage<kMost>& storage) {
  float sum = 0.f;
  for (int i = lane * kSize; i < p.head_dim; i += 32 * kSize) {
    float x[kSize];
    read_vector<T>(head + i, x);
#pragma unroll
    for (int j = 0; j < kSize; ++j) {
      sum += x[j] * x[j];
      storage.head[i + j] = x[j];
    }
  }
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
  const float scale = rsqrtf(sum / p.head_dim + p.eps);
  for (int i = lane * kSize; i < p.head_dim; i += 32 * kSize) {
    float w[kSize];
    read_vector<T>(weight + i, w);
#pragma unroll
    for (int j = 0; j < kSize; ++j) storage.head[i + j] *= scale * w[j];
  }
  __syncwarp();
  for (int i = lane * kSize; i < p.head_dim; i += 32 * kSize) {
    float x[kSize];
#pragma unroll
    for (int j = 0; j < kSize; ++j) x[j] = turned(p, storage, i + j);
    write_vector<T>(head + i, x);
  }
  __syncwarp();  // before the next head takes its place
}

template <typename T, int kSize, int kMost>
__global__ void __launch_bounds__(32 * kNormRopeWarps) fused_qk_norm_rope_kernel(FusedQkNormRopeProblem p, int groups) {
  __shared__ NormRopeStorage<kMost> storages[kNormRopeWarps];
  wait_for_earlier_kernels();
  let_later_kernels_start();
  NormRopeStorage<kMost>& storage = storages[threadIdx.y];
  const int lane = threadIdx.x, heads = p.q_heads + p.k_heads;
  const int64_t items = p.tokens * groups;
  for (int64_t item = int64_t{blockIdx.x} * kNormRopeWarps + threadIdx.y; item < items;
       item += int64_t{gridDim.x} * kNormRopeWarps) {
    const int64_t token = item / groups;
    T* of_token = static_cast<T*>(p.qkv) + token * p.token_stride;
    find_angles(p, token, lane, storage);
    __syncwarp();
    for (int64_t head = item - token * groups; head < heads; head += groups) {
      const T* weight = static_cast<const T*>(head < p.q_heads ? p.q_weight : p.k_weight);
      norm_and_turn<T, kSize>(p, of_token + head * p.head_dim, weight, lane, storage);
    }
  }
}

}  // namespace warpwright
