// Quantisation by one scale for a whole tensor. Where it comes of the tensor itself, a first kernel leaves the largest
// magnitude that each of its blocks has seen, and each block of the second reduces those again, all in the same order:
// no atomics, and the same bits in every run.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/rows/row_sink.cuh"
#include "warpwright/rows/row_source.cuh"

namespace warpwright {

constexpr int kTensorThreads = 512;
constexpr int kTensorHeld = 4;  // vectors that a thread has on their way at once
constexpr int64_t kTurn = int64_t{kTensorThreads} * kTensorHeld;  // that a block takes in one turn

// What the kernels need of a problem.
template <typename T>
struct TensorArguments : PlainSource<T>::Arguments, QuantizedSink::Arguments {
  int64_t rows, hidden;

  explicit TensorArguments(const RowProblem& p)
      : PlainSource<T>::Arguments(p), QuantizedSink::Arguments(p), rows(p.rows), hidden(p.hidden) {}
};

// Where a vector stands; they are counted through all rows.
template <int kSize, typename T>
__device__ __forceinline__ void place_of(const TensorArguments<T>& p, int64_t vector, int64_t& row, int64_t& column) {
  const int64_t vectors = p.hidden / kSize;
  row = p.rows == 1 ? 0 : vector / vectors;
  column = (vector - row * vectors) * kSize;
}

// The vectors of this thread in one turn of its block, of which `first` is the first; asked for together. One behind the
// end stands for the last, which changes no maximum.
template <typename T, int kSize>
__device__ __forceinline__ void read_turn(const TensorArguments<T>& p, int64_t first, int64_t vectors,
                                          float (&x)[kTensorHeld][kSize]) {
  Vector<T, kSize> fetched[kTensorHeld];
#pragma unroll
  for (int i = 0; i < kTensorHeld; ++i) {
    const int64_t vector = first + i * kTensorThreads;
    int64_t row, column;
    place_of<kSize>(p, vector < vectors ? vector : vectors - 1, row, column);
    fetched[i] = vector_at<T, kSize>(p.input + row * p.input_stride + column);
  }
#pragma unroll
  for (int i = 0; i < kTensorHeld; ++i) {
#pragma unroll
    for (int j = 0; j < kSize; ++j) x[i][j] = to_float(fetched[i].at[j]);
  }
}

template <typename T, int kSize>
__global__ void __launch_bounds__(kTensorThreads) largest_kernel(TensorArguments<T> p, float* of_blocks) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int64_t vectors = p.rows * (p.hidden / kSize), turns = (vectors + kTurn - 1) / kTurn;
  RowReduce reduce;
  float largest = 0.f;
  for (int64_t turn = blockIdx.x; turn < turns; turn += gridDim.x) {
    float x[kTensorHeld][kSize];
    read_turn<T, kSize>(p, turn * kTurn + threadIdx.x, vectors, x);
#pragma unroll
    for (int i = 0; i < kTensorHeld; ++i) largest = Max::join(largest, largest_of(x[i]));
  }
  largest = reduce.over_row<Max>(largest);
  if (threadIdx.x == 0) of_blocks[blockIdx.x] = largest;
}

// The scale that `blocks` largest magnitudes give, or the one that is given; the first block writes the former.
__device__ __forceinline__ float scale_of_tensor(const QuantizedSink::Arguments& to, const float* of_blocks,
                                                 int blocks) {
  float* given = static_cast<float*>(to.scales);
  if (of_blocks == nullptr) return *given;
  RowReduce reduce;
  float largest = 0.f;
  for (int i = threadIdx.x; i < blocks; i += blockDim.x) largest = Max::join(largest, of_blocks[i]);
  const float scale = scale_of(to.rule, reduce.over_row<Max>(largest));
  if (blockIdx.x == 0 && threadIdx.x == 0) *given = scale;
  return scale;
}

// From the end on: what the first kernel has read last is still in the cache.
template <typename T, int kSize>
__global__ void __launch_bounds__(kTensorThreads) tensor_quant_kernel(TensorArguments<T> p, const float* of_blocks,
                                                                         int blocks) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const float factor = factor_of(scale_of_tensor(p, of_blocks, blocks));
  const int64_t vectors = p.rows * (p.hidden / kSize), turns = (vectors + kTurn - 1) / kTurn;
  for (int64_t turn = turns - 1 - blockIdx.x; turn >= 0; turn -= gridDim.x) {
    const int64_t first = turn * kTurn + threadIdx.x;
    float x[kTensorHeld][kSize];
    read_turn<T, kSize>(p, first, vectors, x);
#pragma unroll
    for (int i = 0; i < kTensorHeld; ++i) {
      const int64_t vector = first + i * kTensorThreads;
      if (vector >= vectors) break;
      int64_t row, column;
      place_of<kSize>(p, vector, row, column);
      QuantizedSink(p, row).write(column, x[i], factor);
    }
  }
}

}  // namespace warpwright
