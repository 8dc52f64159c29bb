// Kernel that joins rows of two parts: threads take the units of all rows in order.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/divider.h"
#include "warpwright/elementwise/concat_mla.h"

namespace warpwright {

constexpr int kConcatThreads = 256;  // of a block, at most
constexpr int kConcatHeld = 4;       // units that a thread has on their way where there is much to do

// What the launcher makes of a problem.
struct ConcatWork {
  ConcatProblem problem;
  int64_t units = 0;         // of all rows
  Divider unit, row_of_all;  // by the units of a row, and by the rows of a group
};

// A part may be where it is copied to: each thread writes where it has read. Behind the end a thread reads the last unit,
// which it drops.
template <typename Unit, int kHeld>
__global__ void __launch_bounds__(kConcatThreads) concat_mla_kernel(ConcatWork work) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const ConcatProblem& p = work.problem;
  const int64_t block = int64_t{blockDim.x} * kHeld, end = work.units;
#pragma unroll 1
  for (int64_t first = blockIdx.x * block; first < end; first += gridDim.x * block) {
    Unit held[kHeld];
    char* to[kHeld];
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int64_t index = min(first + threadIdx.x + i * int64_t{blockDim.x}, end - 1);
      const int64_t row = work.unit.divide(index), group = work.row_of_all.divide(row);
      const int64_t place = (index - row * work.unit.divisor()) * int64_t{sizeof(Unit)};
      const int64_t row_of_group = row - group * work.row_of_all.divisor();
      const bool is_a = place < p.a.bytes;
      const int64_t offset = group * (is_a ? p.a.group_stride : p.b.group_stride) +
                             row_of_group * (is_a ? p.a.row_stride : p.b.row_stride) + place - (is_a ? 0 : p.a.bytes);
      held[i] = *reinterpret_cast<const Unit*>(static_cast<const char*>(is_a ? p.a.start : p.b.start) + offset);
      to[i] = static_cast<char*>(p.out) + group * p.out_group_stride + row_of_group * p.out_row_stride + place;
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      if (first + threadIdx.x + i * int64_t{blockDim.x} < end) *reinterpret_cast<Unit*>(to[i]) = held[i];
    }
  }
}

}  // namespace warpwright
