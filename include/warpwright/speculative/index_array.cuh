// Reading and writing whole numbers of either width: the branch is the same for all threads of a kernel.
#pragma once

#include "warpwright/speculative/index_array.h"

namespace warpwright {

__device__ __forceinline__ int64_t at(const IndexArray& array, int64_t place) {
  return array.is_wide ? static_cast<const int64_t*>(array.start)[place]
                       : static_cast<const int32_t*>(array.start)[place];
}

__device__ __forceinline__ int64_t at(const IndexOutput& array, int64_t place) {
  return at(IndexArray{array.start, array.is_wide}, place);
}

__device__ __forceinline__ void set(const IndexOutput& array, int64_t place, int64_t value) {
  if (array.is_wide) {
    static_cast<int64_t*>(array.start)[place] = value;
  } else {
    static_cast<int32_t*>(array.start)[place] = static_cast<int32_t>(value);
  }
}

// A place of `count`, or -1 for what is none: a link that leads out of a tree ends there.
__device__ __forceinline__ int32_t place_or_none(int64_t place, int32_t count) {
  return uint64_t(place) < uint64_t(count) ? static_cast<int32_t>(place) : -1;
}

}  // namespace warpwright
