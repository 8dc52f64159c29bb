// Philox4x32-10, a generator that is a function of its key and counter: Salmon, Moraes, Dror and Shaw, "Parallel Random
// Numbers: As Easy as 1, 2, 3" (SC 2011), section 3.3 and table 2.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "warpwright/random.h"

namespace warpwright {

// Four random words of a counter, under a key.
__device__ inline uint4 philox(uint4 counter, uint2 key) {
  constexpr uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
  constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const uint32_t high0 = __umulhi(kMultiplier0, counter.x), low0 = kMultiplier0 * counter.x;
    const uint32_t high1 = __umulhi(kMultiplier1, counter.z), low1 = kMultiplier1 * counter.z;
    counter = {high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0};
    key.x += kWeyl0;
    key.y += kWeyl1;
  }
  return counter;
}

// The random numbers of one row.
class RowRandom {
 public:
  __device__ RowRandom(const RandomSource& source, int64_t row) {
    const int64_t seed = source.seeds == nullptr ? source.seed : source.seeds[source.seed_for_each_row ? row : 0];
    const int64_t offset =
        source.offsets == nullptr ? source.offset : source.offsets[source.offset_for_each_row ? row : 0];
    key_ = {uint32_t(seed), uint32_t(uint64_t(seed) >> 32)};
    counter_ = {uint32_t(offset), uint32_t(uint64_t(offset) >> 32), source.seed_for_each_row ? 0u : uint32_t(row), 0};
  }

  // Four random words; `index` is below 2^31. The upper bit keeps them apart from torch's own numbers of that seed.
  __device__ uint4 words(uint32_t index) const {
    uint4 counter = counter_;
    counter.w = index | 0x80000000u;
    return philox(counter, key_);
  }

 private:
  uint2 key_;
  uint4 counter_;
};

// A number from 0 to less than 1, of 24 bits: every one is exact in fp32.
__device__ inline float unit_interval(uint32_t word) { return float(word >> 8) * 0x1p-24f; }

// The same of 53 bits.
__device__ inline double unit_interval(uint32_t high, uint32_t low) {
  return double((uint64_t(high) << 32 | low) >> 11) * 0x1p-53;
}

}  // namespace warpwright
