// Kernel of the activations: threads take the vectors of all rows in order, whatever the length of a row.
#pragma once

#include "warpwright/activation.cuh"
#include "warpwright/dependent_launch.cuh"
#include "warpwright/divider.h"
#include "warpwright/elementwise/activation.h"
#include "warpwright/elementwise/activation_plan.h"
#include "warpwright/vector.cuh"

namespace warpwright {

using Activate = float(float);

// What a launcher makes of a problem; strides in elements.
struct ActivationWork {
  void* out = nullptr;
  const void* input = nullptr;
  int64_t out_stride = 0, input_stride = 0;
  int64_t value = 0;    // from an element to the one that it gates
  int64_t vectors = 0;  // of all rows
  Divider row;          // by the vectors of one
};

// The output may take the place of the input: each thread writes where it has read, and so nothing is read through the
// read-only cache. Behind the end a thread reads the last vector, which it drops: a branch would hold up what comes next.
template <Activate* kActivate, bool kGates, typename T, int kSize, int kHeld>
__global__ void __launch_bounds__(kActivationThreads, kActivationBlocks) activation_kernel(ActivationWork work) {
  using Chunk = Vector<T, kSize>;
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int64_t block = int64_t{blockDim.x} * kHeld, end = work.vectors;
#pragma unroll 1
  for (int64_t first = blockIdx.x * block; first < end; first += gridDim.x * block) {
    Chunk x[kHeld], value[kHeld];
    T* to[kHeld];
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int64_t index = min(first + threadIdx.x + i * int64_t{blockDim.x}, end - 1);
      const int64_t row = work.row.divide(index), column = (index - row * work.row.divisor()) * kSize;
      const T* from = static_cast<const T*>(work.input) + row * work.input_stride + column;
      to[i] = static_cast<T*>(work.out) + row * work.out_stride + column;
      x[i] = *reinterpret_cast<const Chunk*>(from);
      if (kGates) value[i] = *reinterpret_cast<const Chunk*>(from + work.value);
    }
    __syncwarp();  // all reads are on their way before any arithmetic: the compiler would put it between them
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
#pragma unroll
      for (int j = 0; j < kSize; ++j) {
        const float active = kActivate(to_float(x[i].at[j]));
        x[i].at[j] = from_float<T>(kGates ? active * to_float(value[i].at[j]) : active);
      }
      if (first + threadIdx.x + i * int64_t{blockDim.x} < end) *reinterpret_cast<Chunk*>(to[i]) = x[i];
    }
  }
}

}  // namespace warpwright
