// Logits of tokens that a grammar does not allow, put out of the way.
// Method: Dong et al., "XGrammar: Flexible and Efficient Structured Generation Engine for Large Language Models", 2024
// (arXiv:2411.15100), section 3: a bit for each token of the vocabulary.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

// A logit whose bit is 0 becomes -infinity; bit t % 32 of word t / 32 is that of token t.
struct TokenBitmaskProblem {
  void* logits = nullptr;              // (logit_rows, tokens), logit_stride elements apart
  const uint32_t* bitmask = nullptr;   // (mask_rows, (tokens + 31) / 32), mask_stride words apart
  const void* indices = nullptr;       // (rows): of which row of both each is; null where they are as they stand
  bool are_wide = false;               // indices of 64 bits
  int64_t rows = 0, tokens = 0, logit_rows = 0, mask_rows = 0, logit_stride = 0, mask_stride = 0;
  Dtype dtype = Dtype::kFloat32;
  bool dependent = false;  // programmatic dependent launch
};

using TokenBitmaskLaunch = Status(const TokenBitmaskProblem&, cudaStream_t);

TokenBitmaskLaunch apply_token_bitmask_inplace_cuda;

}  // namespace warpwright
