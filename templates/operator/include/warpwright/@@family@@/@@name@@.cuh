// Kernel of @@name@@: one thread for one vector of the output.
#pragma once

#include "warpwright/@@family@@/@@name@@.h"
#include "warpwright/vector.cuh"

namespace warpwright {

// Blocks in x walk along a row, blocks in y take the rows; kSize is a full vector, or 1 where none fits.
template <typename T, int kSize>
__global__ void __launch_bounds__(256) @@name@@_kernel(@@CamelName@@Problem problem) {
  using Chunk = Vector<T, kSize>;
  const int64_t chunk = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (chunk >= problem.hidden / kSize) return;
  for (int64_t row = blockIdx.y; row < problem.rows; row += gridDim.y) {
    const T* input = static_cast<const T*>(problem.input) + row * problem.input_stride;
    T* out = static_cast<T*>(problem.out) + row * problem.out_stride;
    reinterpret_cast<Chunk*>(out)[chunk] = reinterpret_cast<const Chunk*>(input)[chunk];
  }
}

}  // namespace warpwright
