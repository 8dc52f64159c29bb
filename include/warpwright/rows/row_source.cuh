// Where the elements of a row come from: policies of the row kernels, each with the arguments that it needs of a problem
// (why no more: row_arguments.cuh). `fetch` reads a vector as it is, so that a thread
// can ask for all of its own before it waits for any, and `unpack` makes floats of it. `keep` writes what the method
// keeps of those. `read_one` reads an element anew each time, until `keep` writes it. One that crowds needs many
// registers; a narrow one reads no more than half of what its floats take.
#pragma once

#include <type_traits>

#include "warpwright/activation.cuh"
#include "warpwright/rows/row_problem.h"
#include "warpwright/rows/row_reduce.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

// The input.
template <typename T>
struct PlainSource {
  static constexpr bool kCrowds = false, kIsNarrow = sizeof(T) < sizeof(float);

  struct Arguments {
    const T* input;
    int64_t input_stride;

    explicit Arguments(const RowProblem& p) : input(static_cast<const T*>(p.input)), input_stride(p.input_stride) {}
  };

  template <int kSize>
  using Fetched = Vector<T, kSize>;

  const T* input;

  __device__ PlainSource(const Arguments& from, int64_t row) : input(from.input + row * from.input_stride) {}

  template <int kSize>
  __device__ void fetch(int64_t column, Fetched<kSize>& to) const {
    to = vector_at<T, kSize>(input + column);
  }

  template <int kSize>
  __device__ static void unpack(const Fetched<kSize>& from, float (&x)[kSize]) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) x[i] = to_float(from.at[i]);
  }

  // The largest magnitude, for a narrow source.
  template <int kSize>
  __device__ static float largest(const Fetched<kSize>& from) {
    using Pair = std::conditional_t<std::is_same_v<T, __half>, __half2, __nv_bfloat162>;
    const Pair found = largest_pair<Pair, 0, kSize>(from);
    return Max::join(to_float(found.x), to_float(found.y));
  }

  template <int kSize>
  __device__ void keep(int64_t, const float (&)[kSize]) const {}

  __device__ float read_one(int64_t column) const { return to_float(input[column]); }

  static bool takes_vectors(const RowProblem& p) {
    return warpwright::takes_vectors<T>(p.input, p.input_stride, p.hidden);
  }
};

// The sum of the input and the residual, which gets the sum. It goes on unrounded.
template <typename T>
struct SumSource {
  static constexpr bool kCrowds = true, kIsNarrow = false;

  struct Arguments : PlainSource<T>::Arguments {
    T* residual;
    int64_t residual_stride;

    explicit Arguments(const RowProblem& p)
        : PlainSource<T>::Arguments(p), residual(static_cast<T*>(p.residual)), residual_stride(p.residual_stride) {}
  };

  template <int kSize>
  struct Fetched {
    Vector<T, kSize> input, residual;
  };

  const T* input;
  T* residual;

  __device__ SumSource(const Arguments& from, int64_t row)
      : input(from.input + row * from.input_stride), residual(from.residual + row * from.residual_stride) {}

  template <int kSize>
  __device__ void fetch(int64_t column, Fetched<kSize>& to) const {
    to.input = vector_at<T, kSize>(input + column);
    to.residual = vector_at<T, kSize>(residual + column);
  }

  template <int kSize>
  __device__ static void unpack(const Fetched<kSize>& from, float (&x)[kSize]) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) x[i] = to_float(from.input.at[i]) + to_float(from.residual.at[i]);
  }

  template <int kSize>
  __device__ void keep(int64_t column, const float (&x)[kSize]) const {
    write_vector<T>(residual + column, x);
  }

  __device__ float read_one(int64_t column) const { return to_float(input[column]) + to_float(residual[column]); }

  static bool takes_vectors(const RowProblem& p) {
    return PlainSource<T>::takes_vectors(p) &&
           warpwright::takes_vectors<T>(p.residual, p.residual_stride, p.hidden);
  }
};

// The SiLU of the first half of the input's row, times its second half.
template <typename T>
struct SiluAndMulSource {
  static constexpr bool kCrowds = sizeof(T) == sizeof(float), kIsNarrow = false;

  struct Arguments : PlainSource<T>::Arguments {
    int64_t half;

    explicit Arguments(const RowProblem& p) : PlainSource<T>::Arguments(p), half(p.hidden) {}
  };

  template <int kSize>
  struct Fetched {
    Vector<T, kSize> gate, value;
  };

  const T *gate, *value;

  __device__ SiluAndMulSource(const Arguments& from, int64_t row)
      : gate(from.input + row * from.input_stride), value(gate + from.half) {}

  template <int kSize>
  __device__ void fetch(int64_t column, Fetched<kSize>& to) const {
    to.gate = vector_at<T, kSize>(gate + column);
    to.value = vector_at<T, kSize>(value + column);
  }

  template <int kSize>
  __device__ static void unpack(const Fetched<kSize>& from, float (&x)[kSize]) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) x[i] = silu(to_float(from.gate.at[i])) * to_float(from.value.at[i]);
  }

  template <int kSize>
  __device__ void keep(int64_t, const float (&)[kSize]) const {}

  __device__ float read_one(int64_t column) const { return silu(to_float(gate[column])) * to_float(value[column]); }

  static bool takes_vectors(const RowProblem& p) { return PlainSource<T>::takes_vectors(p); }
};

}  // namespace warpwright
