// Sorts different numbers in shared memory, the largest first: runs of a warp by a bitonic network (Batcher, "Sorting
// networks and their applications", 1968), then four runs at once, each number finding its place by how many of the
// other three are larger.
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

// How many numbers are larger than `than` in those of the four runs from `first` on that are not the own one: `length`
// each, a power of two, and fewer at the end of all `count`. The three are searched at once.
__device__ __forceinline__ int count_larger(const uint64_t* numbers, int first, int own, int length, int count,
                                            uint64_t than) {
  int found[3] = {};
#pragma unroll 1
  for (int step = length; step > 0; step /= 2) {
#pragma unroll
    for (int i = 0; i < 3; ++i) {
      const int begin = first + (i + (first + i * length >= own)) * length, next = found[i] + step;
      const bool exists = next <= length && begin + next <= count;
      if (exists && numbers[begin + next - 1] > than) found[i] = next;
    }
  }
  return found[0] + found[1] + found[2];
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
  for (int length = 32; length < count; length *= 4) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
      const int own = i & -length, first = i & -4 * length;
      other[first + i - own + count_larger(numbers, first, own, length, count, numbers[i])] = numbers[i];
    }
    __syncthreads();
    uint64_t* const sorted = other;
    other = numbers;
    numbers = sorted;
  }
  return numbers;
}

}  // namespace warpwright
