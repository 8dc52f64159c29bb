// Kernel of a router's product without tensor cores: a block for each expert, whose weights it reads once for some
// tokens.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/moe/router_gemm.h"
#include "warpwright/moe/router_gemm_plan.h"
#include "warpwright/moe/vector_or_zeros.cuh"

namespace warpwright {

// Vectors of weights that a thread has on their way, with those of each token: all of a row of 8192 elements, where
// registers hold them.
constexpr int router_held(int tokens) { return tokens <= 4 ? 4 : 2; }

__device__ __forceinline__ void write_logit(const RouterGemmProblem& p, int64_t token, int64_t expert, float logit) {
  const int64_t at = token * p.experts + expert;
  if (p.out_dtype == Dtype::kFloat32) {
    static_cast<float*>(p.out)[at] = logit;
  } else if (p.out_dtype == Dtype::kBFloat16) {
    static_cast<__nv_bfloat16*>(p.out)[at] = __float2bfloat16_rn(logit);
  } else {
    static_cast<__half*>(p.out)[at] = __float2half_rn(logit);
  }
}

// A thread's part of the sums of kTokens tokens; rows behind the last one are not read.
template <typename T, int kSize, int kTokens>
__device__ __forceinline__ void add_products(const RouterGemmProblem& p, const T* weights, const T* states,
                                             int64_t tokens, float (&sum)[kTokens]) {
  constexpr int kHeld = router_held(kTokens);
  const int64_t vectors = p.hidden / kSize;
#pragma unroll 1
  for (int64_t begin = threadIdx.x; begin < vectors; begin += kRouterThreads * kHeld) {
    Vector<T, kSize> weight[kHeld], state[kTokens][kHeld];
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int64_t vector = begin + i * kRouterThreads;
      weight[i] = vector_or_zeros<T, kSize>(weights + vector * kSize, vector < vectors);
    }
#pragma unroll
    for (int token = 0; token < kTokens; ++token) {
#pragma unroll
      for (int i = 0; i < kHeld; ++i) {
        const int64_t vector = begin + i * kRouterThreads;
        const T* start = states + token * p.token_stride + vector * kSize;
        state[token][i] = vector_or_zeros<T, kSize>(start, vector < vectors && token < tokens);
      }
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
#pragma unroll
      for (int token = 0; token < kTokens; ++token) {
#pragma unroll
        for (int k = 0; k < kSize; ++k) sum[token] += to_float(state[token][i].at[k]) * to_float(weight[i].at[k]);
      }
    }
  }
}

template <typename T, int kSize, int kTokens>
__global__ void __launch_bounds__(kRouterThreads, 2) router_gemm_kernel(RouterGemmProblem p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  constexpr int kWarps = kRouterThreads / 32;
  __shared__ float of_warps[kTokens][kWarps];
  const int64_t expert = blockIdx.x;
  const T* weights = static_cast<const T*>(p.weights) + expert * p.expert_stride;
#pragma unroll 1
  for (int64_t first = int64_t{blockIdx.y} * kTokens; first < p.tokens; first += int64_t{gridDim.y} * kTokens) {
    const int64_t tokens = min(p.tokens - first, int64_t{kTokens});
    float sum[kTokens] = {};
    add_products<T, kSize, kTokens>(p, weights, static_cast<const T*>(p.hidden_states) + first * p.token_stride, tokens,
                                    sum);
#pragma unroll
    for (int token = 0; token < kTokens; ++token) {
#pragma unroll
      for (int distance = 16; distance > 0; distance /= 2) {
        sum[token] += __shfl_xor_sync(0xffffffff, sum[token], distance);
      }
      if (threadIdx.x % 32 == 0) of_warps[token][threadIdx.x / 32] = sum[token];
    }
    __syncthreads();
    if (threadIdx.x < tokens) {
      float logit = 0;
#pragma unroll
      for (int warp = 0; warp < kWarps; ++warp) logit += of_warps[threadIdx.x][warp];
      write_logit(p, first + threadIdx.x, expert, logit);
    }
    __syncthreads();
  }
}

}  // namespace warpwright
