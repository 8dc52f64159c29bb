// The grids of the kernels on 4-bit weights.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

namespace warpwright::int4_launch {

constexpr unsigned kThreads = 256;

// One thread for each word of eight weights.
inline unsigned blocks_for(int64_t words) {
  return static_cast<unsigned>(std::min<int64_t>((words + kThreads - 1) / kThreads, 1 << 20));
}

// A row of blocks for each row of k, or of k's tiles; a block has so many of the row's items.
inline dim3 rows_of_blocks(int64_t rows, int64_t items, int64_t items_of_block) {
  return dim3(unsigned(rows), unsigned(std::min<int64_t>((items + items_of_block - 1) / items_of_block, 65535)));
}

}  // namespace warpwright::int4_launch
