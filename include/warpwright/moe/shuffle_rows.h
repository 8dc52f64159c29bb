// Rows of bytes, taken by their numbers.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

// out[i, :] = input[rows[i], :], and zeros where there is no such row. Rows of the result are adjacent.
struct ShuffleRowsProblem {
  const void* input = nullptr;
  void* out = nullptr;
  const void* rows = nullptr;
  Dtype row_dtype = Dtype::kInt32;
  int64_t input_rows = 0, out_rows = 0;
  int64_t row_bytes = 0, input_stride = 0;  // in bytes
  bool dependent = false;                   // programmatic dependent launch
};

using ShuffleRowsLaunch = Status(const ShuffleRowsProblem&, cudaStream_t);

ShuffleRowsLaunch shuffle_rows;

}  // namespace warpwright
