// How many blocks share a row of logits, and how many chunks of 16 bytes each of their threads holds.
// Without device code: the unit tests compile it with the host compiler.
#pragma once

#include <cstdint>

#include "warpwright/cluster_plan.h"

namespace warpwright {

constexpr int64_t kSoftmaxThreads = 1024;

struct SoftmaxPlan {
  int blocks = 1;
  int held = 0;  // 0: the row is read twice
};

// What registers have room for: 20 floats, or 24 elements of 16 bits.
constexpr int most_held(int element_bytes) { return element_bytes == 4 ? 5 : 3; }

// A chunk for each thread where a cluster may be so large, and as many as are held beyond that.
constexpr SoftmaxPlan plan_softmax(int64_t rows, int64_t chunks, int element_bytes, bool has_clusters, int sms) {
  const int64_t wanted = (chunks + kSoftmaxThreads - 1) / kSoftmaxThreads;
  const int64_t blocks = blocks_of_row(rows, wanted, has_clusters ? kMostBlocksOfRow : 1, sms);
  const int64_t held = (chunks + blocks * kSoftmaxThreads - 1) / (blocks * kSoftmaxThreads);
  return {int(blocks), held > most_held(element_bytes) ? 0 : int(held)};
}

}  // namespace warpwright
