// Kernel that sums rows: threads take the vectors of all results in order. Where rows lie and what they are multiplied by
// are policies.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/divider.h"
#include "warpwright/moe/sum_rows.h"
#include "warpwright/moe/vector_or_zeros.cuh"

namespace warpwright {

constexpr int kSumThreads = 128;  // of a block, at most
constexpr int kSumHeld = 8;       // rows that a thread has on their way

// What the launcher makes of a problem.
struct SumRowsWork {
  SumRowsProblem problem;
  Divider threads;      // of a token
  int64_t vectors = 0;  // of a row, which they take in turns
};

// Some rows of a token: where each lies, -1 where there is none, and what it is multiplied by.
struct HeldRows {
  int64_t offset[kSumHeld];
  float factor[kSumHeld];
};

// The rows of a token are those of a tensor of three dimensions; they have no factors.
struct AdjacentRows {
  template <typename T>
  __device__ __forceinline__ static void find(const SumRowsProblem& p, int64_t token, int64_t begin, HeldRows& held) {
#pragma unroll
    for (int i = 0; i < kSumHeld; ++i) {
      const int64_t j = begin + i;
      held.offset[i] = j < p.topk ? token * p.token_stride + j * p.row_stride : -1;
      held.factor[i] = 1.0f;
    }
  }
};

// They are named by their numbers. Factors and numbers are all on their way before one is looked at.
struct GatheredRows {
  template <typename T>
  __device__ __forceinline__ static void find(const SumRowsProblem& p, int64_t token, int64_t begin, HeldRows& held) {
    const int64_t first = token * p.topk + begin, count = p.topk - begin;
    if (p.factors == nullptr) {
#pragma unroll
      for (int i = 0; i < kSumHeld; ++i) held.factor[i] = 1.0f;
    } else if (p.has_float_factors) {
      read_factors(static_cast<const float*>(p.factors) + first, count, held);
    } else {
      read_factors(static_cast<const T*>(p.factors) + first, count, held);
    }
    if (p.row_dtype == Dtype::kInt64) {
      read_rows(static_cast<const int64_t*>(p.rows) + first, count, p, held);
    } else {
      read_rows(static_cast<const int32_t*>(p.rows) + first, count, p, held);
    }
  }

  template <typename Factor>
  __device__ __forceinline__ static void read_factors(const Factor* factors, int64_t count, HeldRows& held) {
#pragma unroll
    for (int i = 0; i < kSumHeld; ++i) held.factor[i] = i < count ? to_float(factors[i]) : 0.0f;
  }

  template <typename Row>
  __device__ __forceinline__ static void read_rows(const Row* rows, int64_t count, const SumRowsProblem& p,
                                                   HeldRows& held) {
    Row row[kSumHeld];
#pragma unroll
    for (int i = 0; i < kSumHeld; ++i) row[i] = i < count ? rows[i] : Row{-1};
#pragma unroll
    for (int i = 0; i < kSumHeld; ++i) {
      held.offset[i] = row[i] >= 0 && row[i] < p.input_rows ? row[i] * p.row_stride : -1;
    }
  }
};

// A row that is not there is one of zeros times zero, which changes no sum that began at zero.
template <typename T, int kSize>
__device__ __forceinline__ void add_rows(const T* input, const HeldRows& rows, float (&sum)[kSize]) {
  Vector<T, kSize> held[kSumHeld];
#pragma unroll
  for (int i = 0; i < kSumHeld; ++i) {
    held[i] = vector_or_zeros<T, kSize>(input + rows.offset[i], rows.offset[i] >= 0);
  }
#pragma unroll
  for (int i = 0; i < kSumHeld; ++i) {
    const float factor = rows.offset[i] >= 0 ? rows.factor[i] : 0.0f;
#pragma unroll
    for (int k = 0; k < kSize; ++k) sum[k] += factor * to_float(held[i].at[k]);
  }
}

// Where a thread has several vectors of a token, it looks up its rows once.
template <typename T, int kSize, typename SourceRows>
__global__ void __launch_bounds__(kSumThreads, 5) sum_rows_kernel(SumRowsWork work) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const SumRowsProblem& p = work.problem;
  const int64_t threads = work.threads.divisor(), end = p.tokens * threads, turn = int64_t{gridDim.x} * blockDim.x;
#pragma unroll 1
  for (int64_t index = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; index < end; index += turn) {
    const int64_t token = work.threads.divide(index);
    const int64_t first = index - token * threads;
    HeldRows rows;
#pragma unroll 1
    for (int64_t vector = first; vector < work.vectors; vector += threads) {
      float sum[kSize] = {};
#pragma unroll 1
      for (int64_t begin = 0; begin < p.topk; begin += kSumHeld) {
        if (vector == first || p.topk > kSumHeld) SourceRows::template find<T>(p, token, begin, rows);
        add_rows(static_cast<const T*>(p.input) + vector * kSize, rows, sum);
      }
#pragma unroll
      for (int k = 0; k < kSize; ++k) sum[k] *= p.scale;
      write_vector<T, kSize>(static_cast<T*>(p.out) + token * p.out_stride + vector * kSize, sum);
    }
  }
}

}  // namespace warpwright
