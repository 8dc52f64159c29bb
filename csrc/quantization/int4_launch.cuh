// The grid of the kernels that have one thread for each word of eight weights.
#pragma once

#include <algorithm>
#include <cstdint>

namespace warpwright::int4_launch {

constexpr unsigned kThreads = 256;

inline unsigned blocks_for(int64_t words) {
  return static_cast<unsigned>(std::min<int64_t>((words + kThreads - 1) / kThreads, 1 << 20));
}

}  // namespace warpwright::int4_launch
