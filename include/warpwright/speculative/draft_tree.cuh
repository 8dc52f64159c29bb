// Kernels that make the links of draft trees, a block for each request: of the selected tokens, or of a mask.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/speculative/draft_tree.h"
#include "warpwright/speculative/index_array.cuh"

namespace warpwright {

constexpr int kTreeThreads = 256;
constexpr int32_t kNoNode = 0x7fffffff;

// The links of a block's tree. Node 0 has no parent, nor has one whose parent is not there: -1.
struct TreeLinks {
  int32_t parent[kMostDraftTokens];
  int32_t first_child[kMostDraftTokens];  // kNoNode where there is none
};

// The node that a selected token stands below. Its number, by topk, is that of the parent in the list of parents; the
// first topk stand below the root, and so does nothing that is negative.
__device__ __forceinline__ int32_t parent_of(const DraftTreeProblem& p, int64_t request, const int64_t* selected,
                                             int32_t node) {
  const int64_t number = selected[node - 1], place = number / p.topk;
  if (number < 0 || (place > 0 && place >= p.parent_width)) return -1;
  if (place == 0) return 0;
  const int64_t token = at(p.parents, request * p.parent_width + place);
  for (int32_t other = 0; other < p.draft_tokens - 1; ++other) {
    if (selected[other] == token) return other + 1;
  }
  return -1;
}

// Writes the links: the children of a node in ascending order.
__device__ __forceinline__ void write_links(const DraftTreeProblem& p, int64_t request, const TreeLinks& links) {
  const int32_t nodes = p.draft_tokens;
  for (int32_t node = threadIdx.x; node < nodes; node += kTreeThreads) {
    const int64_t place = request * nodes + node;
    const int32_t child = links.first_child[node], parent = links.parent[node];
    int32_t sibling = node + 1;
    while (parent >= 0 && sibling < nodes && links.parent[sibling] != parent) ++sibling;
    set(p.index, place, place);
    set(p.next_token, place, child == kNoNode ? -1 : child);
    set(p.next_sibling, place, parent < 0 || sibling >= nodes ? -1 : sibling);
  }
}

// A number of all threads, summed in one order.
__device__ __forceinline__ int64_t sum_of_block(int64_t value) {
  __shared__ int64_t of_warp[kTreeThreads / 32];
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(~0u, value, offset);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  int64_t sum = 0;
  for (int64_t part : of_warp) sum += part;
  __syncthreads();
  return sum;
}

// A length as far as it moves a mask: what is negative or beyond 32 bits leads to no place that would be written.
__device__ __forceinline__ int64_t masked_length(const DraftTreeProblem& p, int64_t request) {
  const int64_t length = at(p.sequence_lengths, request);
  return length < 0 ? 0 : length > kNoNode ? kNoNode : length;
}

// Where the draft columns of a request's first row begin, and how far they are from row to row; in bytes.
struct MaskPlace {
  int64_t first, row;
};

__device__ __forceinline__ MaskPlace mask_place(const DraftTreeProblem& p, int64_t request) {
  const int64_t nodes = p.draft_tokens;
  if (p.mode == TreeMask::kPacked) return {request * nodes * packed_row_bytes(nodes), packed_row_bytes(nodes)};
  if (p.mode == TreeMask::kDraftOnly) return {request * nodes * nodes, nodes};
  int64_t before = 0;
  for (int64_t other = threadIdx.x; other < request; other += kTreeThreads) before += masked_length(p, other);
  const int64_t length = masked_length(p, request);
  return {(sum_of_block(before) + request * nodes) * nodes + length, length + nodes};
}

// Writes the row of a node whose ancestors' bits the lanes hold, 32 columns each.
__device__ __forceinline__ void write_mask_row(const DraftTreeProblem& p, int64_t start, uint32_t bits) {
  const int lane = threadIdx.x % 32;
  if (p.mode == TreeMask::kPacked) {
    const int64_t bytes = packed_row_bytes(p.draft_tokens);
    for (int64_t byte = lane * 4; byte < min(bytes, int64_t{lane} * 4 + 4); ++byte) {
      p.mask[start + byte] = static_cast<uint8_t>(bits >> byte % 4 * 8);
    }
    return;
  }
  for (int32_t first = 0; first < p.draft_tokens; first += 32) {
    const uint32_t word = __shfl_sync(~0u, bits, first / 32);
    const int64_t place = start + first + lane;
    if (first + lane < p.draft_tokens && uint64_t(place) < uint64_t(p.mask_bytes)) p.mask[place] = word >> lane & 1;
  }
}

// A warp for each node: up from it to the root, in at most as many steps as there are nodes below the root.
__device__ __forceinline__ void write_ancestors(const DraftTreeProblem& p, int64_t request, const TreeLinks& links) {
  const MaskPlace mask = mask_place(p, request);
  const int lane = threadIdx.x % 32;
  const int64_t length = at(p.sequence_lengths, request);
  for (int32_t node = threadIdx.x / 32; node < p.draft_tokens; node += kTreeThreads / 32) {
    uint32_t bits = lane == 0;
    int32_t depth = 0;
    for (int32_t above = node; above > 0 && depth < p.draft_tokens - 1; above = links.parent[above]) {
      if (above / 32 == lane) bits |= 1u << above % 32;
      ++depth;
    }
    if (lane == 0) set(p.positions, request * p.draft_tokens + node, length + depth);
    write_mask_row(p, mask.first + node * mask.row, bits);
  }
}

__global__ void __launch_bounds__(kTreeThreads) build_tree_kernel(DraftTreeProblem p) {
  __shared__ TreeLinks links;
  __shared__ int64_t selected[kMostDraftTokens];
  wait_for_earlier_kernels();
  let_later_kernels_start();
  for (int64_t request = blockIdx.x; request < p.requests; request += gridDim.x) {
    for (int32_t node = threadIdx.x; node < p.draft_tokens; node += kTreeThreads) {
      links.first_child[node] = kNoNode;
      if (node > 0) selected[node - 1] = at(p.selected, request * (p.draft_tokens - 1) + node - 1);
    }
    __syncthreads();
    for (int32_t node = threadIdx.x; node < p.draft_tokens; node += kTreeThreads) {
      const int32_t parent = node == 0 ? -1 : parent_of(p, request, selected, node);
      links.parent[node] = parent;
      if (parent >= 0) atomicMin(&links.first_child[parent], node);
    }
    __syncthreads();
    write_links(p, request, links);
    write_ancestors(p, request, links);
    __syncthreads();
  }
}

// A warp for each row of the mask: its last true column before the diagonal is the parent, their number the depth.
__global__ void __launch_bounds__(kTreeThreads) reconstruct_tree_kernel(DraftTreeProblem p) {
  __shared__ TreeLinks links;
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int lane = threadIdx.x % 32;
  for (int64_t request = blockIdx.x; request < p.requests; request += gridDim.x) {
    for (int32_t node = threadIdx.x; node < p.draft_tokens; node += kTreeThreads) links.first_child[node] = kNoNode;
    __syncthreads();
    for (int32_t node = threadIdx.x / 32; node < p.draft_tokens; node += kTreeThreads / 32) {
      const uint8_t* row = p.from_mask + (request * p.draft_tokens + node) * p.draft_tokens;
      int32_t depth = 0, parent = -1;
      for (int32_t first = 0; first < node; first += 32) {
        const int32_t above = first + lane;
        const bool is_seen = above < node && row[above] != 0;
        if (is_seen) atomicMin(&links.first_child[above], node);
        const uint32_t seen = __ballot_sync(~0u, is_seen);
        depth += __popc(seen);
        if (seen != 0) parent = first + 31 - __clz(static_cast<int>(seen));
      }
      if (lane == 0) {
        links.parent[node] = parent;
        set(p.positions, request * p.draft_tokens + node, at(p.sequence_lengths, request) + depth);
      }
    }
    __syncthreads();
    write_links(p, request, links);
    __syncthreads();
  }
}

}  // namespace warpwright
