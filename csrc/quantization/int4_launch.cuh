// The grids of the kernels on 4-bit weights.
#pragma once

#include <algorithm>
#include <cstdint>

#include "warpwright/launch_kernel.cuh"

namespace warpwright::int4_launch {

constexpr int kThreads = 256;

// One thread for each word of eight weights, as far as that pays: blocks take further turns.
inline LaunchShape threads_for(int64_t words) {
  return {{std::min<int64_t>((words + kThreads - 1) / kThreads, 1 << 20)}, kThreads};
}

// A row of blocks for each row of k, or of k's tiles; a block has so many of the row's items, and takes further turns.
inline Grid rows_of_blocks(int64_t rows, int64_t items, int64_t items_of_block) {
  return {rows, std::min<int64_t>((items + items_of_block - 1) / items_of_block, kMaxGridY)};
}

}  // namespace warpwright::int4_launch
