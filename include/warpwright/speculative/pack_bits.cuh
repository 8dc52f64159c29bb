// Kernel that packs truth values, a thread for each byte.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/speculative/index_array.cuh"
#include "warpwright/speculative/pack_bits.h"

namespace warpwright {

constexpr int kPackThreads = 256;

// Eight bytes of 0 or 1 as the bits of one: the product moves byte k to bit 56 + k, or to bit 63 - k.
__device__ __forceinline__ uint8_t packed_byte(uint64_t eight, bool first_is_high) {
  return static_cast<uint8_t>(eight * (first_is_high ? 0x8040201008040201ull : 0x0102040810204080ull) >> 56);
}

// Up to eight truth values, zero behind the end.
__device__ __forceinline__ uint64_t eight_of(const uint8_t* from, int64_t count) {
  if (count >= 8 && reinterpret_cast<uintptr_t>(from) % 8 == 0) {
    const uint2 words = *reinterpret_cast<const uint2*>(from);
    return uint64_t(__vminu4(words.y, 0x01010101u)) << 32 | __vminu4(words.x, 0x01010101u);
  }
  uint64_t eight = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    if (i < count && from[i] != 0) eight |= uint64_t{1} << 8 * i;
  }
  return eight;
}

// Where a segment is read and written. What reaches out of an array, or ends before it begins, is left out.
struct PackedSegment {
  int64_t first, size, out;
};

__device__ __forceinline__ PackedSegment packed_segment(const PackBitsProblem& p, int64_t segment) {
  if (p.input_ends.start == nullptr) return {0, p.x_size, 0};
  const int64_t first = at(p.input_ends, segment), end = at(p.input_ends, segment + 1);
  if (first < 0 || first >= p.x_size || end <= first) return {0, 0, 0};
  return {first, min(end, p.x_size) - first, at(p.output_ends, segment)};
}

__global__ void __launch_bounds__(kPackThreads, 4) pack_bits_kernel(PackBitsProblem p) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  for (int64_t segment = blockIdx.x; segment < p.segments; segment += gridDim.x) {
    const PackedSegment part = packed_segment(p, segment);
    const int64_t bytes = (part.size + 7) / 8, step = int64_t{gridDim.y} * kPackThreads;
    for (int64_t byte = blockIdx.y * int64_t{kPackThreads} + threadIdx.x; byte < bytes; byte += step) {
      const uint64_t eight = eight_of(p.x + part.first + byte * 8, part.size - byte * 8);
      const uint64_t place = uint64_t(part.out) + uint64_t(byte);
      if (place < uint64_t(p.y_size)) p.y[place] = packed_byte(eight, p.first_is_high);
    }
  }
}

}  // namespace warpwright
