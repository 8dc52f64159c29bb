// Trees of draft tokens: their links, their positions and the mask of their attention.
// Method: Li, Wei, Zhang and Zhang, "EAGLE-2: Faster Inference of Language Models with Dynamic Draft Trees", 2024
// (arXiv:2406.16858), section 4: of all drafted tokens the best stay, and each sees its ancestors alone.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/speculative/index_array.h"
#include "warpwright/status.h"

namespace warpwright {

constexpr int kMostDraftTokens = 1024;  // of a tree: a warp's lanes hold 32 columns of the mask each

enum class TreeMask { kFull, kDraftOnly, kPacked };  // SGLang's FULL_MASK, QLEN_ONLY and QLEN_ONLY_BITPACKING

// What a row of the packed mask takes: whole words beyond 16 tokens, the bytes of the smallest integer before.
constexpr int64_t packed_row_bytes(int64_t draft_tokens) {
  return draft_tokens <= 8 ? 1 : draft_tokens <= 16 ? 2 : (draft_tokens + 31) / 32 * 4;
}

// Node 0 of a tree is the root, the token that was verified last; node i > 0 is the i-th selected one.
struct DraftTreeProblem {
  IndexArray parents, selected;        // (requests, parent_width) and (requests, draft_tokens - 1)
  const uint8_t* from_mask = nullptr;  // where it is given, the links are those of a mask of kDraftOnly
  IndexArray sequence_lengths;         // (requests)
  uint8_t* mask = nullptr;             // of mask_bytes; what lies behind them is not written
  IndexOutput positions, index, next_token, next_sibling;  // (requests, draft_tokens)
  int64_t requests = 0, mask_bytes = 0, parent_width = 0, topk = 0;
  int32_t draft_tokens = 0;
  TreeMask mode = TreeMask::kFull;
  bool dependent = false;  // programmatic dependent launch
};

using DraftTreeLaunch = Status(const DraftTreeProblem&, cudaStream_t);

DraftTreeLaunch build_tree_kernel_efficient;

}  // namespace warpwright
