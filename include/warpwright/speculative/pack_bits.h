// Truth values as bits, eight in a byte: of one array, or of its segments, each of which begins with a byte of its own.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/speculative/index_array.h"
#include "warpwright/status.h"

namespace warpwright {

struct PackBitsProblem {
  const uint8_t* x = nullptr;  // what is not zero is true
  uint8_t* y = nullptr;
  IndexArray input_ends, output_ends;  // (segments + 1); null for one segment, of all
  int64_t x_size = 0, y_size = 0, segments = 1;
  bool first_is_high = false;  // the first of eight is the highest bit
  bool dependent = false;      // programmatic dependent launch
};

using PackBitsLaunch = Status(const PackBitsProblem&, cudaStream_t);

PackBitsLaunch segment_packbits;

}  // namespace warpwright
