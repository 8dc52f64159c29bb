// out[r, :] = input[r, :]: the problem and its launcher.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

struct @@CamelName@@Problem {
  void* out = nullptr;          // (rows, hidden), out_stride elements from row to row
  const void* input = nullptr;  // (rows, hidden), input_stride elements from row to row
  int64_t rows = 0, hidden = 0;
  int64_t out_stride = 0, input_stride = 0;
  Dtype dtype = Dtype::kBFloat16;
};

using @@CamelName@@Launch = Status(const @@CamelName@@Problem&, cudaStream_t);

@@CamelName@@Launch @@name@@;

}  // namespace warpwright
