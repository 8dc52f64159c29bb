// What a warp needs of a tile of 16 x 64 weights in Marlin's order beside the weights: a lane works on the columns
// lane / 4 + 8 i of the tile, for i from 0 to 7.
#pragma once

#include "warpwright/quantization/int4.cuh"
#include "warpwright/quantization/marlin_layout.h"

namespace warpwright::marlin {

// The eight scales of a lane, in the row of scales of one group.
template <typename T>
__device__ __forceinline__ uint4 group_scales(const T* row, int64_t n0, int lane) {
  return *reinterpret_cast<const uint4*>(row + n0 + lane / 4 * 8);
}

// The same where one scale serves all of k, whose order is another.
template <typename T>
__device__ __forceinline__ uint4 single_scales(const T* row, int64_t n0, int lane) {
  alignas(16) T scales[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) scales[i] = row[single_scale(n0 + lane / 4 + 8 * i)];
  return *reinterpret_cast<const uint4*>(scales);
}

// The word of a lane's eight zero points, in the row of zero points of one group.
__device__ __forceinline__ const int32_t* lane_zeros(const int32_t* row, int64_t n0, int lane) {
  return row + zero_word(n0) + lane / 4;
}

// The zero point of column lane / 4 + 8 i.
__device__ __forceinline__ uint32_t zero_of(uint32_t zeros, int i) { return zeros >> zero_bit(8 * i) & 15u; }

}  // namespace warpwright::marlin
