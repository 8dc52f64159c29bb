// How many blocks share a row, how many threads each has, and how much of the row it keeps in shared memory.
// For host code alone: the unit tests compile it with the host compiler.
#pragma once

#include <algorithm>
#include <cstdint>

#include "warpwright/cluster_plan.h"

namespace warpwright {

struct TopKPlan {
  int blocks = 1;          // of a row, a power of two
  int threads = 1024;      // of a block, a power of two
  int held_steps = 0;      // vectors of each thread
  int64_t mark_bytes = 0;  // of a block; 0: there are no marks
};

constexpr int64_t kVectorsOfBlock = 4096;  // 64 KB, which two blocks of an SM 9.0 hold
constexpr int64_t kVectorsOfShare = 2048;  // of a block of several, at least
constexpr int kLeastThreads = 128;

struct TopKRows {
  int64_t rows = 0;
  int64_t vectors = 0;         // of a row, of 16 bytes each
  bool begins_within = false;  // a row may begin within a vector, and then it has one more
};

// An SM has registers for 1024 threads. Where an SM 9.0 has several blocks that each hold their row, some read while
// others wait for their slowest warp; smaller shared memory may hold one such block, of fewer threads.
constexpr int top_k_threads(int64_t rows, int64_t share, int sms) {
  if (rows <= sms || share > kVectorsOfBlock) return 1024;
  return rows > 2 * sms && share <= kVectorsOfBlock / 4 ? 256 : 512;
}

// `most_blocks` of a row; `room` is the shared memory, in bytes, for vectors that are held and for marks, of which a
// vector has `mark_bytes`. Marks of all vectors are worth more than vectors that are held.
inline TopKPlan plan_top_k(const TopKRows& work, int most_blocks, int sms, int64_t room, int mark_bytes) {
  TopKPlan plan;
  const int64_t shares = (work.vectors + kVectorsOfShare - 1) / kVectorsOfShare;
  plan.blocks = blocks_of_row(work.rows, work.vectors > kVectorsOfBlock ? shares : 1, most_blocks, sms);
  const int64_t share = (work.vectors + plan.blocks - 1) / plan.blocks;
  const int most = top_k_threads(work.rows, share, sms);
  plan.threads = kLeastThreads;
  while (plan.threads < most && plan.threads < share) plan.threads *= 2;
  const int64_t of_step = int64_t{plan.threads} * plan.blocks;
  const int64_t steps = (work.vectors + work.begins_within + of_step - 1) / of_step;
  const int64_t marks = steps * plan.threads * mark_bytes;
  if (marks <= room / 2) plan.mark_bytes = marks;
  plan.held_steps = int(std::max<int64_t>(0, std::min(steps, (room - plan.mark_bytes) / (16 * plan.threads))));
  return plan;
}

}  // namespace warpwright
