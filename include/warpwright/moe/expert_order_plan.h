// How elements are dealt out to blocks and warps when they are put in the order of their experts. Pure host functions:
// the unit tests compile them with the host compiler alone.
#pragma once

#include <cstdint>

namespace warpwright {

constexpr int kOrderThreads = 1024;              // of a block, at most
constexpr int kOrderHeld = 4;                    // elements of a thread in a turn
constexpr int kOrderCounted = 8;                 // of which it has the ids on their way where it only counts
constexpr int kOrderOfWarp = 32 * kOrderHeld;    // elements of a warp in a turn
constexpr int kOrderMemory = 60 * 1024;          // bytes of shared memory that every SM from 7.5 on has
constexpr int kOrderWarpSums = 32;               // words of it that a scan needs

// Constants to tune.
constexpr int64_t kCountsAloneTo = 16384;        // up to so many elements each block counts all of them: no other launch
constexpr int64_t kFewElements = 2048;           // which smaller blocks count
constexpr int64_t kOrderOfBlock = 512;           // elements that one block orders
constexpr int64_t kFillOfBlock = 1024;           // places that one block fills
constexpr int64_t kMostBlocksAlone = 32, kMostBlocks = 64;  // all of which read what all have counted

struct ExpertOrderPlan {
  int blocks = 1;
  int64_t chunk = 0;            // elements of a block, which it takes in turns
  int warps = 1, threads = 32;  // of a block: those that take elements, and all
  bool counts_first = false;    // a launch before counts the elements of each chunk
  int shared_memory = 0;        // bytes
};

constexpr int64_t order_divide_up(int64_t value, int64_t by) { return (value + by - 1) / by; }
constexpr int64_t order_within(int64_t value, int64_t least, int64_t most) {
  return value < least ? least : value > most ? most : value;
}

// For each expert a total, a place and a start, and a count of 16 bits for each warp.
constexpr int64_t order_memory(int64_t experts, int warps) {
  return 4 * (3 * experts + 1 + kOrderWarpSums) + 2 * (experts + experts % 2) * warps;
}

constexpr int most_order_warps(int64_t experts) {
  int warps = kOrderThreads / 32;
  while (warps > 1 && order_memory(experts, warps) > kOrderMemory) warps /= 2;
  return warps;
}

// `fills` places have to be written beside those of elements.
constexpr ExpertOrderPlan plan_expert_order(int64_t elements, int64_t experts, int64_t fills) {
  ExpertOrderPlan plan;
  const int most = most_order_warps(experts);
  plan.counts_first = elements > kCountsAloneTo;
  const int64_t for_elements = order_divide_up(elements, kOrderOfBlock);
  const int64_t for_places = order_divide_up(elements + fills, kFillOfBlock);
  const int64_t wanted = for_elements > for_places ? for_elements : for_places;
  plan.blocks = int(order_within(wanted, 1, plan.counts_first ? kMostBlocks : kMostBlocksAlone));
  plan.chunk = order_divide_up(order_divide_up(elements, plan.blocks), 32) * 32;
  plan.warps = int(order_within(order_divide_up(plan.chunk, kOrderOfWarp), 1, most));
  const int64_t for_experts = order_divide_up(experts, 32) * 32;
  const int64_t for_elements_of_block = 32 * int64_t{plan.warps};
  const int64_t threads = for_experts > for_elements_of_block ? for_experts : for_elements_of_block;
  plan.threads = int(order_within(threads, elements > kFewElements ? kOrderThreads : kOrderThreads / 2, kOrderThreads));
  plan.shared_memory = int(order_memory(experts, plan.warps));
  return plan;
}

}  // namespace warpwright
