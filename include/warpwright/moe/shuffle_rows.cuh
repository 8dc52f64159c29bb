// Kernel that copies rows by their numbers: threads take the units of all rows of the result in order, or those of a
// slice of all rows before those of the next one.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/divider.h"
#include "warpwright/moe/shuffle_rows.h"

namespace warpwright {

constexpr int kShuffleThreads = 256;  // of a block, at most
constexpr int kShuffleHeld = 4;       // units that a thread has on their way where there is much to do

// What the launcher makes of a problem.
struct ShuffleRowsWork {
  ShuffleRowsProblem problem;
  Divider width;  // units of a slice of a row, which blocks of one y take
};

// Much of a result is not kept in the L2 cache, which has rows that are read again.
template <bool kStreams, typename Unit>
__device__ __forceinline__ void write_unit(Unit* to, const Unit& unit) {
  if constexpr (kStreams) {
    __stcs(to, unit);
  } else {
    *to = unit;
  }
}

// Behind the end a thread takes the last unit of the slice, which it drops.
template <typename Unit, int kHeld>
__global__ void __launch_bounds__(kShuffleThreads) shuffle_rows_kernel(ShuffleRowsWork work) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const ShuffleRowsProblem& p = work.problem;
  const int64_t units = p.row_bytes / int64_t{sizeof(Unit)}, width = work.width.divisor(), begin = blockIdx.y * width;
  const int64_t end = p.out_rows * width, block = int64_t{blockDim.x} * kHeld;
#pragma unroll 1
  for (int64_t first = blockIdx.x * block; first < end; first += gridDim.x * block) {
    int64_t out_row[kHeld], row[kHeld], unit[kHeld];
    Unit held[kHeld];
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int64_t index = min(first + threadIdx.x + i * int64_t{blockDim.x}, end - 1);
      out_row[i] = work.width.divide(index);
      unit[i] = begin + index - out_row[i] * width;
      row[i] = p.row_dtype == Dtype::kInt64 ? static_cast<const int64_t*>(p.rows)[out_row[i]]
                                            : static_cast<const int32_t*>(p.rows)[out_row[i]];
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      held[i] = Unit{};
      if (row[i] < 0 || row[i] >= p.input_rows || unit[i] >= units) continue;
      held[i] = reinterpret_cast<const Unit*>(static_cast<const char*>(p.input) + row[i] * p.input_stride)[unit[i]];
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const bool is_there = first + threadIdx.x + i * int64_t{blockDim.x} < end && unit[i] < units;
      if (is_there) write_unit<(kHeld > 1)>(static_cast<Unit*>(p.out) + out_row[i] * units + unit[i], held[i]);
    }
  }
}

}  // namespace warpwright
