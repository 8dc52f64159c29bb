// Kernel that copies rows by their numbers: threads take the units of all rows of the result in order.
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
  Divider units;  // of a row
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

// Behind the end a thread reads the last unit, which it drops.
template <typename Unit, int kHeld>
__global__ void __launch_bounds__(kShuffleThreads) shuffle_rows_kernel(ShuffleRowsWork work) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const ShuffleRowsProblem& p = work.problem;
  const int64_t units = work.units.divisor(), end = p.out_rows * units, block = int64_t{blockDim.x} * kHeld;
#pragma unroll 1
  for (int64_t first = blockIdx.x * block; first < end; first += gridDim.x * block) {
    int64_t row[kHeld], unit[kHeld];
    Unit held[kHeld];
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int64_t index = min(first + threadIdx.x + i * int64_t{blockDim.x}, end - 1);
      const int64_t out_row = work.units.divide(index);
      unit[i] = index - out_row * units;
      row[i] = p.row_dtype == Dtype::kInt64 ? static_cast<const int64_t*>(p.rows)[out_row]
                                            : static_cast<const int32_t*>(p.rows)[out_row];
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      held[i] = Unit{};
      if (row[i] < 0 || row[i] >= p.input_rows) continue;
      held[i] = reinterpret_cast<const Unit*>(static_cast<const char*>(p.input) + row[i] * p.input_stride)[unit[i]];
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int64_t index = first + threadIdx.x + i * int64_t{blockDim.x};
      if (index < end) write_unit<(kHeld > 1)>(static_cast<Unit*>(p.out) + index, held[i]);
    }
  }
}

}  // namespace warpwright
