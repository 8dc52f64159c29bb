// Kernel of silu_and_mul: one thread for one vector of the output.
#pragma once

#include "warpwright/activation.cuh"
#include "warpwright/elementwise/silu_and_mul.h"
#include "warpwright/vector.cuh"

namespace warpwright {

// Blocks in x walk along a row, blocks in y take the rows; kSize is a full vector, or 1 where none fits.
template <typename T, int kSize>
__global__ void __launch_bounds__(256) silu_and_mul_kernel(SiluAndMulProblem problem) {
  using Chunk = Vector<T, kSize>;
  const int64_t chunk = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (chunk >= problem.hidden / kSize) return;
  for (int64_t row = blockIdx.y; row < problem.rows; row += gridDim.y) {
    const T* input = static_cast<const T*>(problem.input) + row * problem.input_stride;
    const Chunk gate = reinterpret_cast<const Chunk*>(input)[chunk];
    const Chunk value = reinterpret_cast<const Chunk*>(input + problem.hidden)[chunk];
    Chunk result;
#pragma unroll
    for (int i = 0; i < kSize; ++i) result.at[i] = from_float<T>(silu(to_float(gate.at[i])) * to_float(value.at[i]));
    reinterpret_cast<Chunk*>(static_cast<T*>(problem.out) + row * problem.out_stride)[chunk] = result;
  }
}

}  // namespace warpwright
