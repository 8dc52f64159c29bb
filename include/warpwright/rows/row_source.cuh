// Where the elements of a row come from: policies of the row kernels. `read` fetches kSize elements from `column` on,
// `keep` writes what the method keeps of them, and `read_again` fetches what they were then, perhaps rounded.
#pragma once

#include "warpwright/activation.cuh"
#include "warpwright/rows/row_problem.h"
#include "warpwright/vector.cuh"

namespace warpwright {

// The input; where there is a residual, the sum of both, which is written to the residual. The sum goes on unrounded.
struct PlainSource {
  template <typename T, int kSize>
  __device__ static void read(const RowProblem& p, int64_t row, int64_t column, float (&x)[kSize]) {
    read_vector<T>(static_cast<const T*>(p.input) + row * p.input_stride + column, x);
    if (p.residual == nullptr) return;
    float added[kSize];
    read_vector<T>(static_cast<const T*>(p.residual) + row * p.residual_stride + column, added);
#pragma unroll
    for (int i = 0; i < kSize; ++i) x[i] += added[i];
  }

  template <typename T, int kSize>
  __device__ static void keep(const RowProblem& p, int64_t row, int64_t column, const float (&x)[kSize]) {
    if (p.residual != nullptr) write_vector<T>(static_cast<T*>(p.residual) + row * p.residual_stride + column, x);
  }

  template <typename T, int kSize>
  __device__ static void read_again(const RowProblem& p, int64_t row, int64_t column, float (&x)[kSize]) {
    const T* from = p.residual == nullptr ? static_cast<const T*>(p.input) + row * p.input_stride
                                          : static_cast<const T*>(p.residual) + row * p.residual_stride;
    read_vector<T>(from + column, x);
  }

  template <typename T>
  static bool takes_vectors(const RowProblem& p) {
    return warpwright::takes_vectors<T>(p.input, p.input_stride, p.hidden) &&
           (p.residual == nullptr || warpwright::takes_vectors<T>(p.residual, p.residual_stride, p.hidden));
  }
};

// The SiLU of the first half of the input's row, times its second half.
struct SiluAndMulSource {
  template <typename T, int kSize>
  __device__ static void read(const RowProblem& p, int64_t row, int64_t column, float (&x)[kSize]) {
    const T* gate = static_cast<const T*>(p.input) + row * p.input_stride + column;
    float value[kSize];
    read_vector<T>(gate, x);
    read_vector<T>(gate + p.hidden, value);
#pragma unroll
    for (int i = 0; i < kSize; ++i) x[i] = silu(x[i]) * value[i];
  }

  template <typename T, int kSize>
  __device__ static void keep(const RowProblem&, int64_t, int64_t, const float (&)[kSize]) {}

  template <typename T, int kSize>
  __device__ static void read_again(const RowProblem& p, int64_t row, int64_t column, float (&x)[kSize]) {
    read<T>(p, row, column, x);
  }

  template <typename T>
  static bool takes_vectors(const RowProblem& p) {
    return warpwright::takes_vectors<T>(p.input, p.input_stride, p.hidden);
  }
};

}  // namespace warpwright
