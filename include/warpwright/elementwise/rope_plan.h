// How a rotary embedding is spread over a GPU. A pure host function: the unit tests compile it with the host compiler.
#pragma once

#include <algorithm>
#include <cstdint>

namespace warpwright {

constexpr int kRopeThreads = 128;

// A thread has one place in a head, a lane, and takes every so many-th head of a token: what it knows of the token's angles
// serves them all. Threads along x of a block are lanes, those along y heads, those along z tokens, and so are blocks
// along z, y and x: no thread has to divide to know its place.
struct RopePlan {
  int lanes_of_block = 1, heads_of_block = 1, tokens_of_block = 1;
  int64_t lane_blocks = 1, head_blocks = 1, token_blocks = 1;
};

constexpr int64_t rope_quotient_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

// One head for each thread until the GPU is full; then more, by which angles cost next to nothing.
constexpr RopePlan plan_rope(int64_t tokens, int64_t heads, int64_t lanes, int sm_count) {
  constexpr int64_t kThreadsOfSm = 1024, kMostHeads = 6, kMostBlocks = 65535, kMostTokenBlocks = 0x7fffffff;
  RopePlan plan;
  const int64_t fill = std::max<int64_t>(sm_count, 1) * kThreadsOfSm;
  const int64_t heads_of_thread = std::clamp<int64_t>(tokens * heads * lanes / fill, 1, std::min(heads, kMostHeads));
  const int64_t threads = rope_quotient_up(heads, heads_of_thread);  // along the heads of a token
  plan.lane_blocks = std::min(rope_quotient_up(lanes, kRopeThreads), kMostBlocks);
  plan.lanes_of_block = int(std::min<int64_t>(rope_quotient_up(lanes, plan.lane_blocks), kRopeThreads));
  const int64_t most_heads = kRopeThreads / plan.lanes_of_block;
  plan.head_blocks = std::min(rope_quotient_up(threads, most_heads), kMostBlocks);
  plan.heads_of_block = int(std::min(rope_quotient_up(threads, plan.head_blocks), most_heads));
  plan.tokens_of_block = int(std::min<int64_t>(kRopeThreads / (plan.lanes_of_block * plan.heads_of_block), tokens));
  plan.token_blocks = std::min(rope_quotient_up(tokens, plan.tokens_of_block), kMostTokenBlocks);
  return plan;
}

}  // namespace warpwright
