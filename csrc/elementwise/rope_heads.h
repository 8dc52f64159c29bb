// Tensors of heads: (tokens..., heads, head_dim), or (tokens..., heads * head_dim).
// python/warpwright/elementwise/_heads.py has the same in the same words.
#pragma once

#include <cstdint>

#include "torch/arg.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

struct Heads {
  int64_t tokens = 0, heads = 0, head_dim = 0;
  int64_t token_stride = 0, head_stride = 0;  // in elements; zero where there is one alone

  int64_t numel() const { return tokens * heads * head_dim; }
};

// The first `token_dims` dimensions are tokens, at one distance from each other.
Heads heads_of(const Arg& arg, int64_t token_dims, int64_t head_dim);

// The memory of heads that are written, which do not overlap; one row from the first to the last where no rows fit.
Rows written_heads(const Arg& arg, const Heads& heads);

}  // namespace warpwright::torch_api
