// How many blocks share a row, how many threads each has, and how much of the row it keeps in shared memory.
// For host code alone: the unit tests compile it with the host compiler.
#pragma once

#include <algorithm>
#include <cstdint>

namespace warpwright {

struct TopKPlan {
  int blocks = 1;      // of a row, a power of two
  int threads = 1024;  // of a block, a power of two
  int held_steps = 0;  // vectors of each thread
};

constexpr int64_t kVectorsOfBlock = 4096;  // 64 KB, so that an SM has room for two blocks that read and count in turns
constexpr int kMostBlocksOfRow = 8;        // the portable size of a cluster
constexpr int kLeastThreads = 128;

// `vectors`: of a row, of 16 bytes each; `most_blocks`: of a row; `room`: bytes of shared memory that may be held.
inline TopKPlan plan_top_k(int64_t rows, int64_t vectors, int most_blocks, int sms, int64_t room) {
  TopKPlan plan;
  // Few rows leave SMs free, and then half as many vectors a block are soonest done.
  const bool is_few = rows * ((vectors + kVectorsOfBlock / 2 - 1) / (kVectorsOfBlock / 2)) <= sms;
  const int64_t of_block = is_few ? kVectorsOfBlock / 2 : kVectorsOfBlock;
  while (plan.blocks < most_blocks && plan.blocks * of_block < vectors) plan.blocks *= 2;
  const int64_t share = (vectors + plan.blocks - 1) / plan.blocks;
  const int most_threads = rows * plan.blocks > sms ? 512 : 1024;
  plan.threads = kLeastThreads;
  while (plan.threads < most_threads && plan.threads < share) plan.threads *= 2;
  const int64_t steps = (share + plan.threads - 1) / plan.threads;
  plan.held_steps = int(std::max<int64_t>(0, std::min(steps, room / (16 * plan.threads))));
  return plan;
}

}  // namespace warpwright
