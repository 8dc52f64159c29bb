// Kernel that sums rows: threads take the vectors of all results in order. Where rows lie and what they are multiplied by
// are policies.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/divider.h"
#include "warpwright/moe/sum_rows.h"
#include "warpwright/vector.cuh"

namespace warpwright {

constexpr int kSumThreads = 256;  // of a block, at most
constexpr int kSumHeld = 8;       // rows that a thread has on their way

// What the launcher makes of a problem.
struct SumRowsWork {
  SumRowsProblem problem;
  Divider vectors;  // of a row
};

// The rows of a token are those of a tensor of three dimensions.
struct AdjacentRows {
  __device__ __forceinline__ static int64_t offset(const SumRowsProblem& p, int64_t token, int64_t j) {
    return token * p.token_stride + j * p.row_stride;
  }
};

// They are named by their numbers; -1 where there is no such row.
struct GatheredRows {
  __device__ __forceinline__ static int64_t offset(const SumRowsProblem& p, int64_t token, int64_t j) {
    const int64_t at = token * p.topk + j;
    const int64_t row = p.row_dtype == Dtype::kInt64 ? static_cast<const int64_t*>(p.rows)[at]
                                                     : static_cast<const int32_t*>(p.rows)[at];
    return row >= 0 && row < p.input_rows ? row * p.row_stride : -1;
  }
};

// A factor of one is not read, and a product by it is the row itself.
template <typename T>
__device__ __forceinline__ float factor_of(const SumRowsProblem& p, int64_t token, int64_t j) {
  if (p.factors == nullptr) return 1.0f;
  const int64_t at = token * p.topk + j;
  return p.has_float_factors ? static_cast<const float*>(p.factors)[at] : to_float(static_cast<const T*>(p.factors)[at]);
}

template <typename T, int kSize, typename SourceRows>
__global__ void __launch_bounds__(kSumThreads, 2) sum_rows_kernel(SumRowsWork work) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const SumRowsProblem& p = work.problem;
  const int64_t end = p.tokens * work.vectors.divisor(), turn = int64_t{gridDim.x} * blockDim.x;
#pragma unroll 1
  for (int64_t index = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; index < end; index += turn) {
    const int64_t token = work.vectors.divide(index);
    const int64_t column = (index - token * work.vectors.divisor()) * kSize;
    const T* input = static_cast<const T*>(p.input) + column;
    float sum[kSize] = {};
#pragma unroll 1
    for (int64_t begin = 0; begin < p.topk; begin += kSumHeld) {
      Vector<T, kSize> held[kSumHeld];
      int64_t offset[kSumHeld];
#pragma unroll
      for (int i = 0; i < kSumHeld; ++i) offset[i] = begin + i < p.topk ? SourceRows::offset(p, token, begin + i) : -1;
#pragma unroll
      for (int i = 0; i < kSumHeld; ++i) {
        if (offset[i] >= 0) held[i] = vector_at<T, kSize>(input + offset[i]);
      }
#pragma unroll
      for (int i = 0; i < kSumHeld; ++i) {
        if (offset[i] < 0) continue;
        const float factor = factor_of<T>(p, token, begin + i);
#pragma unroll
        for (int k = 0; k < kSize; ++k) sum[k] += factor * to_float(held[i].at[k]);
      }
    }
#pragma unroll
    for (int k = 0; k < kSize; ++k) sum[k] *= p.scale;
    write_vector<T, kSize>(static_cast<T*>(p.out) + token * p.out_stride + column, sum);
  }
}

}  // namespace warpwright
