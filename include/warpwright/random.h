// Where the random numbers of an operator come from: a seed and an offset, given as numbers or as tensors.
#pragma once

#include <cstdint>

namespace warpwright {

// The numbers of row r follow from seed, offset and r; where each row has a seed of its own, from its seed and offset
// alone. They do not depend on how many rows there are, on the GPU, or on how the work is dealt out to threads.
struct RandomSource {
  int64_t seed = 0, offset = 0;      // used where there is no tensor of them
  const int64_t* seeds = nullptr;    // on the device: one for all rows, or one for each
  const int64_t* offsets = nullptr;  // the same
  bool seed_for_each_row = false, offset_for_each_row = false;
};

}  // namespace warpwright
