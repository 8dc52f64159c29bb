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

struct TopKRows {
  int64_t rows = 0;
  int64_t vectors = 0;         // of a row, of 16 bytes each
  bool begins_within = false;  // a row may begin within a vector, and then it has one more
};

// `most_blocks` of a row; `room` is the shared memory, in bytes, in which vectors may be held.
inline TopKPlan plan_top_k(const TopKRows& work, int most_blocks, int sms, int64_t room) {
  TopKPlan plan;
  // Few rows leave SMs free, and then half as many vectors a block are soonest done.
  const int64_t half = kVectorsOfBlock / 2, of_row = (work.vectors + half - 1) / half;
  const int64_t of_block = work.rows <= sms / (of_row > 0 ? of_row : 1) ? half : kVectorsOfBlock;
  while (plan.blocks < most_blocks && plan.blocks * of_block < work.vectors) plan.blocks *= 2;
  const int64_t share = (work.vectors + plan.blocks - 1) / plan.blocks;
  // An SM runs 1024 threads: of several blocks, so that some read while others wait for their slowest warp.
  const bool are_many = work.rows > 2 * sms && share <= kVectorsOfBlock / 4;
  const int most_threads = are_many ? 256 : work.rows > sms / plan.blocks ? 512 : 1024;
  plan.threads = kLeastThreads;
  while (plan.threads < most_threads && plan.threads < share) plan.threads *= 2;
  const int64_t of_step = int64_t{plan.threads} * plan.blocks;
  const int64_t steps = (work.vectors + work.begins_within + of_step - 1) / of_step;
  plan.held_steps = int(std::max<int64_t>(0, std::min(steps, room / (16 * plan.threads))));
  return plan;
}

}  // namespace warpwright
