// How fused_qk_norm_rope is spread over a GPU. A pure host function: no CUDA is needed to compile it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace warpwright {

constexpr int kNormRopePairs = 8;  // of a lane: two vectors of 16 bytes
constexpr int kMostOfVectorHead = 32 * 2 * kNormRopePairs;  // elements: a warp holds one head at least
constexpr int kMostNormRopeWarps = 8;

// A block has a token at a time, and one part of the token's heads: `warps` full of them in each of `steps`.
struct NormRopePlan {
  int lanes = 1;  // of a head, a power of two
  int warps = 1, steps = 1, parts = 1;
  int64_t token_blocks = 1;
};

constexpr int64_t norm_rope_quotient_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

// Few tokens: their heads are spread over blocks, each of which has a thread for every angle. Many: a block takes
// further tokens, whose frequencies it knows and whose heads it reads ahead.
constexpr NormRopePlan plan_norm_rope(int64_t tokens, int64_t heads, int head_dim, int rotary_dim, int sm_count) {
  constexpr int64_t kFullBlocksOfSm = 4, kBlocksOfSm = 16, kMostTokens = 8, kMostParts = 1024;
  NormRopePlan plan;
  while (plan.lanes * 2 * kNormRopePairs < head_dim) plan.lanes *= 2;
  const int64_t sms = std::max(sm_count, 1), warps_of_token = norm_rope_quotient_up(heads, 32 / plan.lanes);
  const int64_t least_warps = std::clamp<int64_t>(norm_rope_quotient_up(rotary_dim / 2, 32), 1, 4);
  const int64_t most_parts = std::min(norm_rope_quotient_up(warps_of_token, least_warps), kMostParts);
  const int64_t wanted_parts = std::clamp<int64_t>(sms * kFullBlocksOfSm / tokens, 1, most_parts);
  const int64_t warps_of_part = norm_rope_quotient_up(warps_of_token, wanted_parts);
  plan.steps = int(norm_rope_quotient_up(warps_of_part, kMostNormRopeWarps));
  plan.warps = int(norm_rope_quotient_up(warps_of_part, plan.steps));
  plan.parts = int(norm_rope_quotient_up(warps_of_token, int64_t{plan.warps} * plan.steps));
  const int64_t tokens_of_block = std::clamp<int64_t>(tokens / (sms * kBlocksOfSm), 1, kMostTokens);
  plan.token_blocks = norm_rope_quotient_up(tokens, tokens_of_block);
  return plan;
}

}  // namespace warpwright
