// How the elements of an activation are dealt out to threads. A pure host function: the unit tests compile it with the
// host compiler alone.
#pragma once

#include <cstdint>

namespace warpwright {

constexpr int kActivationThreads = 256;  // of a block, at most
constexpr int kActivationBlocks = 3;     // of an SM, at least: with up to 80 registers the reads of a thread come first
constexpr int kActivationLoads = 4;      // of full vectors that a thread has on their way where there is much to do

// Constants to tune, all in full vectors of the output for each SM.
constexpr int64_t kNarrowTo = 32;        // up to here, vectors of 4 bytes: the work is spread over more SMs and warps
constexpr int64_t kThreadsPerSm = 128;   // up to this times 1 or 2, blocks of 64 or 128 threads: every SM gets one
constexpr int64_t kHeldFrom = 2048;      // from here on, several vectors to a thread: more than a wave of threads

struct ActivationPlan {
  int size = 1;             // elements of a vector
  int threads = 64;         // of a block
  bool holds_many = false;  // a thread holds as many vectors as make kActivationLoads loads, else one
};

// `elements` of the output; vectors of `fits` elements fit it, of at most `full`. `narrow` elements are 4 bytes.
constexpr ActivationPlan plan_activation(int64_t elements, int fits, int full, int narrow, int sm_count) {
  const int64_t vectors_per_sm = elements / full / sm_count;
  ActivationPlan plan;
  plan.size = fits < full || vectors_per_sm < kNarrowTo ? (fits < narrow ? 1 : narrow) : full;
  const int64_t threads_per_sm = elements / plan.size / sm_count;
  plan.threads = threads_per_sm <= kThreadsPerSm ? 64 : threads_per_sm <= 2 * kThreadsPerSm ? 128 : kActivationThreads;
  plan.holds_many = plan.size == full && plan.size > 1 && vectors_per_sm >= kHeldFrom;
  return plan;
}

}  // namespace warpwright
