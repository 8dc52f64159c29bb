// Sorts different numbers in shared memory, the largest first: runs of a warp by a bitonic network (Batcher, "Sorting
// networks and their applications", 1968), then pairs of runs at once, each number finding its place by how many of the
// other run are larger.
#pragma once

#include <cstdint>

#include "warpwright/top_k/row_group.cuh"

namespace warpwright {

namespace merge_sort {

// The number of a lane once those of the warp descend from lane to lane.
__device__ __forceinline__ uint64_t sort_warp(uint64_t value) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int size = 2; size <= 32; size *= 2) {
#pragma unroll
    for (int stride = size / 2; stride > 0; stride /= 2) {
      const uint64_t other = __shfl_xor_sync(kWholeWarp, value, stride);
      const bool takes_larger = ((lane & size) == 0) == ((lane & stride) == 0);
      if (takes_larger == (other > value)) value = other;
    }
  }
  return value;
}

// How many numbers of a descending run are larger.
__device__ __forceinline__ int count_larger(const uint64_t* run, int length, uint64_t than) {
  int low = 0;
  while (length > 0) {
    const int half = length / 2;
    const bool is_larger = run[low + half] > than;
    low = is_larger ? low + half + 1 : low;
    length = is_larger ? length - half - 1 : half;
  }
  return low;
}

}  // namespace merge_sort

// Sorts `count` numbers, of which none is 0 and no two are equal, with room for as many in `other`; returns which of
// both has them. Every thread of the block comes here, and what it reads was synchronised before.
__device__ __forceinline__ const uint64_t* sort_descending(uint64_t* numbers, uint64_t* other, int count) {
  using namespace merge_sort;
  for (int i = threadIdx.x; i < (count + 31) / 32 * 32; i += blockDim.x) {
    const uint64_t sorted = sort_warp(i < count ? numbers[i] : 0);
    if (i < count) numbers[i] = sorted;
  }
  __syncthreads();
  for (int length = 32; length < count; length *= 2) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
      const int own = i & -length, pair = i & -2 * length, its = own == pair ? pair + length : pair;
      const int its_length = its >= count ? 0 : min(length, count - its);
      const int before = count_larger(numbers + its, its_length, numbers[i]);
      other[pair + i - own + before] = numbers[i];
    }
    __syncthreads();
    uint64_t* const sorted = other;
    other = numbers;
    numbers = sorted;
  }
  return numbers;
}

}  // namespace warpwright
