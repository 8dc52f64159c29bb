// Rows of two parts, each copied from where it is: the keys and the absorbed queries of multi-head latent attention.
// Method: DeepSeek-AI, "DeepSeek-V2", 2024 (arXiv:2405.04434), section 2.1: what is rotated stands behind what is not.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/status.h"

namespace warpwright {

// A (groups, rows, bytes) array of bytes, of which those of a row are adjacent.
struct ConcatPart {
  const void* start = nullptr;
  int64_t group_stride = 0, row_stride = 0;  // in bytes; a row_stride of 0 gives all rows of a group the same
  int64_t bytes = 0;
};

// out[g, r, :] = a[g, r, :], then b[g, r, :].
struct ConcatProblem {
  void* out = nullptr;
  int64_t out_group_stride = 0, out_row_stride = 0;  // in bytes
  ConcatPart a, b;
  int64_t groups = 0, rows = 0;  // rows of a group
  bool dependent = false;        // programmatic dependent launch
};

using ConcatLaunch = Status(const ConcatProblem&, cudaStream_t);

ConcatLaunch concat_mla_k;

}  // namespace warpwright
