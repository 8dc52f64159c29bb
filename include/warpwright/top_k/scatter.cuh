// The elements that a cut takes, each with its place: by ascending index, whatever thread finds it.
#pragma once

#include <cstdint>

#include "warpwright/top_k/radix_select.cuh"

namespace warpwright {

struct ScatterShared {
  uint32_t above[32], at[32];  // of each warp
  uint32_t above_of_block, at_of_block;
  uint32_t listed;
  uint32_t first_place, end_place;  // of the block
};

// Keys above a cut and at it.
struct Counted {
  uint32_t above = 0, at = 0;
};

namespace scatter_winners {

// What all warps and blocks before this one have.
template <bool kClustered>
__device__ __forceinline__ Counted count_before(RowGroup<kClustered>& group, ScatterShared& shared, Counted own) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
  own = {warp_sum(own.above), warp_sum(own.at)};
  if (lane == 0) shared.above[warp] = own.above, shared.at[warp] = own.at;
  __syncthreads();
  const uint32_t above = lane < warps ? shared.above[lane] : 0, at = lane < warps ? shared.at[lane] : 0;
  Counted before{warp_sum(lane < warp ? above : 0), warp_sum(lane < warp ? at : 0)};
  if constexpr (kClustered) {
    if (threadIdx.x == blockDim.x - 1) {
      shared.above_of_block = before.above + own.above;
      shared.at_of_block = before.at + own.at;
    }
    group.sync();
    const bool is_before = lane < group.rank();
    before.above += warp_sum(is_before ? group.read(&shared.above_of_block, lane) : 0);
    before.at += warp_sum(is_before ? group.read(&shared.at_of_block, lane) : 0);
  }
  return before;
}

// One of a thread's keys, which has them in registers.
template <int kFrom, int kCount, int kSize>
__device__ __forceinline__ uint32_t key_at(const uint32_t (&keys)[kSize], int j) {
  if constexpr (kCount == 1) {
    return keys[kFrom];
  } else {
    const uint32_t low = key_at<kFrom, kCount / 2>(keys, j), high = key_at<kFrom + kCount / 2, kCount / 2>(keys, j);
    return j & kCount / 2 ? high : low;
  }
}

}  // namespace scatter_winners

// Calls `put` with the place, the key and the index of each element that a cut takes. Of those at it, it takes the
// first `need` by index, or the last.
template <bool kClustered, typename Window, typename Put>
__device__ __forceinline__ void scatter(RowGroup<kClustered>& group, ScatterShared& shared, const Cut& cut,
                                        bool prefers_last, const Window& window, const Put& put) {
  constexpr int kSize = Window::kSize;
  Counted own;
  window.each_key([&](uint32_t key) {
    own.above += cut.is_above(key);
    own.at += cut.is_at(key);
  });
  Counted before = scatter_winners::count_before(group, shared, own);
  const uint32_t skipped = prefers_last ? cut.at - cut.need : 0;
  window.each_vector([&](const typename Window::Keys& keys, uint32_t first) {
    uint32_t are_above = 0, are_at = 0;
#pragma unroll
    for (int j = 0; j < kSize; ++j) {
      are_above |= uint32_t(cut.is_above(keys[j])) << j;
      are_at |= uint32_t(cut.is_at(keys[j])) << j;
    }
    if (!__any_sync(kWholeWarp, (are_above | are_at) != 0)) return;
    const uint32_t both = __popc(are_above) | __popc(are_at) << 16, scanned = warp_scan(both), start = scanned - both;
    uint32_t above = before.above + (start & 0xffff), at = before.at + (start >> 16);
#pragma unroll 1
    for (uint32_t left = are_above | are_at; left != 0; left &= left - 1) {
      const int j = __ffs(left) - 1;
      const bool is_at = are_at >> j & 1;
      const uint32_t taken = at > skipped ? min(at - skipped, cut.need) : 0;  // of those at the cut before this one
      if (!is_at || (at >= skipped && taken < cut.need)) {
        put(above + taken, scatter_winners::key_at<0, kSize>(keys, j), first + j);
      }
      above += !is_at, at += is_at;
    }
    const uint32_t all = __shfl_sync(kWholeWarp, scanned, 31);
    before.above += all & 0xffff, before.at += all >> 16;
  });
}

}  // namespace warpwright
