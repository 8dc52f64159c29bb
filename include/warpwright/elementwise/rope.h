// Rotary embeddings of queries and keys: the problem and its launcher.
// Method: Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021 (arXiv:2104.09864). Pair i,
// (x, y), becomes (x cos a - y sin a, y cos a + x sin a), a = position * frequency(i), in fp32 with one
// rounding.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

// (tokens, heads, head_dim), read and written; strides in elements, and those of a head are adjacent.
struct RopeHeads {
  const void* input = nullptr;
  void* out = nullptr;
  int64_t heads = 0;
  int64_t token_stride = 0, head_stride = 0;
  int64_t out_token_stride = 0, out_head_stride = 0;
};

// Whole numbers of 32 or 64 bits.
struct Indices {
  const void* at = nullptr;
  bool of_64_bits = false;
};

// frequency(i) = 2^(-i * octaves), of which a part goes unscaled, and the rest times inverse_scale. The part is
// frequency * part_slope + part_offset, held between 0 and 1: Llama 3.1's, and none where both are zero.
struct RopeFrequencies {
  double octaves = 0;  // log2(theta) * 2 / rotary_dim
  double ratio = 1;    // 2^-octaves: from one frequency to the next
  double inverse_scale = 1;
  double part_slope = 0, part_offset = 0;
};

struct RopeProblem {
  RopeHeads q, k;
  int64_t tokens = 0, head_dim = 0, rotary_dim = 0;
  Dtype dtype = Dtype::kBFloat16;
  bool interleave = false;  // pairs are (2i, 2i + 1); else (i, i + rotary_dim / 2)
  bool in_place = true;     // what is not turned is left; else it is copied

  // Where `indptr` is null, the position of each token. Else the position of the first token of each of the segments,
  // whose tokens begin at `indptr`, which has one number more: tokens that belong to none are not turned.
  Indices positions, indptr;
  int64_t segments = 0;

  // Cosines and sines, (max_positions, rotary_dim), of the problem's dtype or float32: a row has all cosines, then all
  // sines. Positions that it does not have give NaN. Without a cache, angles are computed.
  bool is_cached = false;
  const void* cos_sin_cache = nullptr;
  int64_t max_positions = 0;
  bool cache_is_float32 = true;
  RopeFrequencies frequencies;

  bool dependent = false;  // programmatic dependent launch
};

using RopeLaunch = Status(const RopeProblem&, const Device&, cudaStream_t);

RopeLaunch apply_rope;

}  // namespace warpwright
