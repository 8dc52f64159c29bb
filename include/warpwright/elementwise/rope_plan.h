// How a rotary embedding is spread over a GPU. A pure host function: the unit tests compile it with the host compiler.
#pragma once

#include <algorithm>
#include <cstdint>

namespace warpwright {

constexpr int kRopeThreads = 128;

// A thread has one place in a head, a lane, and takes every groups-th head of a token: what it knows of the token's
// angles serves them all. Threads along x of a block are lanes, those along y are groups of heads, of any tokens: items.
struct RopePlan {
  int64_t groups = 1;  // of a token's heads
  int lanes_of_block = 1, items_of_block = 1;
  int64_t lane_blocks = 1, item_blocks = 1;
};

constexpr int64_t rope_quotient_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

// One head for each thread until the GPU is full; then up to 4, by which angles cost next to nothing: more were slower.
constexpr RopePlan plan_rope(int64_t tokens, int64_t heads, int64_t lanes, int sm_count) {
  constexpr int64_t kThreadsOfSm = 1024, kMostHeads = 4, kMostBlocksOfSm = 64, kMostLaneBlocks = 65535;
  RopePlan plan;
  const int64_t fill = std::max<int64_t>(sm_count, 1) * kThreadsOfSm;
  const int64_t heads_of_thread = std::clamp<int64_t>(tokens * heads * lanes / fill, 1, std::min(heads, kMostHeads));
  plan.groups = rope_quotient_up(heads, heads_of_thread);
  plan.lane_blocks = std::min(rope_quotient_up(lanes, kRopeThreads), kMostLaneBlocks);
  plan.lanes_of_block = int(std::min<int64_t>(rope_quotient_up(lanes, plan.lane_blocks), kRopeThreads));
  plan.items_of_block = kRopeThreads / plan.lanes_of_block;
  const int64_t most = std::max<int64_t>(sm_count, 1) * kMostBlocksOfSm;  // threads go on to further tokens
  plan.item_blocks = std::min(rope_quotient_up(tokens * plan.groups, plan.items_of_block), most);
  return plan;
}

}  // namespace warpwright
