// The RMS norm of each head of q and k in a packed qkv, and then their rotary embedding, in place.
// Methods: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019 (arXiv:1910.07467); Su et al., "RoFormer",
// 2021 (arXiv:2104.09864); Peng et al., "YaRN", 2023 (arXiv:2309.00071). In fp32 with one rounding.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/elementwise/rope.h"
#include "warpwright/status.h"

namespace warpwright {

constexpr int64_t kMostOfNormedHead = 1024;  // elements: a warp holds a head

struct FusedQkNormRopeProblem {
  void* qkv = nullptr;  // (tokens, heads of q, of k and of v, head_dim), token_stride elements from token to token
  const void *q_weight = nullptr, *k_weight = nullptr;  // (head_dim)
  Indices positions;                                    // (tokens)
  int64_t tokens = 0, token_stride = 0;
  int q_heads = 0, k_heads = 0, head_dim = 0, rotary_dim = 0;
  float eps = 1e-6f, attention_factor = 1;
  bool interleave = false;  // pairs are (2i, 2i + 1); else (i, i + rotary_dim / 2)
  Dtype dtype = Dtype::kBFloat16;

  // frequency(i) = 2^(-i * octaves), times inverse_factor for the part min(max(i * ramp_slope + ramp_offset, 0), 1).
  double octaves = 0, inverse_factor = 1, ramp_slope = 0, ramp_offset = 0;

  bool dependent = false;  // programmatic dependent launch
};

using FusedQkNormRopeLaunch = Status(const FusedQkNormRopeProblem&, const Device&, cudaStream_t);

FusedQkNormRopeLaunch fused_qk_norm_rope;

}  // namespace warpwright
