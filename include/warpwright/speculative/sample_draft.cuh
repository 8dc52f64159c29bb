// Kernel that samples by way of drafted tokens, a block for each request, or several where there are few: one warp walks
// over the draft, and all sum the row that the token behind it is drawn from.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/random.cuh"
#include "warpwright/block_cluster.cuh"
#include "warpwright/speculative/draw_token.cuh"
#include "warpwright/speculative/verified_tree.cuh"

namespace warpwright {

// Where a walk has ended: the row to draw from, whether a draft is taken off it, the number to draw by, and where the
// token goes: an index of the predictions or a place of the chain.
struct WalkEnd {
  int64_t row, place;
  double coin;
  bool takes_off;
};

// Siblings whose probabilities are read at once, one by each lane: -1 behind the last.
struct Siblings {
  int32_t own = -1, count = 0;

  // Takes up to 32 from `next` on, which moves; `left` is how many a tree can still have.
  __device__ Siblings(const TreeNode* nodes, int32_t& next, int32_t& left) {
    for (; count < 32 && next >= 0 && left > 0; ++count, --left) {
      if (int32_t(threadIdx.x) == count) own = next;
      next = nodes[next].next_sibling;
    }
  }
};

// One level of a tree, of one warp: every lane knows the same, but what it has read. Siblings are taken one after the
// other, each with the mass of those before it added to its own.
struct TreeLevel {
  const TreeSamplingProblem& p;
  const TreeNode* nodes;
  Rejected& rejected;
  double sum = 0.;      // of the siblings so far
  int32_t accepted = -1;
  float coin, next_coin = 0.f;

  __device__ bool takes(float mass) const {
    return (sum > 0. && coin <= sum / p.threshold_all) || mass >= p.threshold_single;
  }

  // Of siblings whose masses, coins and places in the vocabulary the lanes hold, accepts the first that may be.
  __device__ void choose(const Siblings& siblings, float mass, float own_coin, int32_t token) {
    for (int32_t i = 0; i < siblings.count && accepted < 0; ++i) {
      const float of_this = __shfl_sync(~0u, mass, i);
      const int32_t its_token = __shfl_sync(~0u, token, i);
      sum += of_this;
      if (its_token < 0) continue;
      if (takes(of_this)) {
        accepted = __shfl_sync(~0u, siblings.own, i);
        next_coin = __shfl_sync(~0u, own_coin, i);
      } else if (threadIdx.x == 0) {
        rejected.tokens[rejected.count++] = its_token;
      }
    }
  }

  __device__ void walk(const float* coins, const float* target, int64_t vocabulary, int32_t node) {
    int32_t next = nodes[node].first_child, left = p.tree.draft_tokens;
    if (threadIdx.x == 0) rejected.count = 0;
    while (next >= 0 && left > 0 && accepted < 0) {
      const Siblings siblings(nodes, next, left);
      const int64_t token = siblings.own < 0 ? -1 : nodes[siblings.own].token;
      const bool is_there = uint64_t(token) < uint64_t(vocabulary);
      choose(siblings, is_there ? mass_of(target[token]) : 0.f, siblings.own < 0 ? 0.f : coins[siblings.own],
             is_there ? int32_t(token) : -1);
    }
  }
};

// What is left of a number that was more than `used`, stretched to 0 to 1 again.
__device__ __forceinline__ double stretched(double coin, double used) {
  return used < 1. ? (coin - used) / (1. - used) : coin;
}

__device__ __forceinline__ WalkEnd walk_tree(const SampleDraftProblem& of, int64_t request, const TreeNode* nodes,
                                             Rejected& rejected) {
  const TreeSamplingProblem& p = of.tree;
  const int64_t first = request * p.tree.draft_tokens;
  const float* coins = p.coins + first;
  AcceptedPath path{p.tree, request};
  int32_t node = 0;
  float coin = coins[0];
  double used = 0.;
  if (threadIdx.x == 0) {
    rejected.count = 0;
    path.start(nodes[0].index);
  }
  for (int64_t step = 1; step < p.tree.steps; ++step) {
    TreeLevel level{p, nodes, rejected};
    level.coin = coin;
    level.walk(coins, of.rows.target + (first + node) * of.rows.vocabulary, of.rows.vocabulary, node);
    used = level.accepted < 0 ? level.sum / p.threshold_all : 0.;
    if (level.accepted < 0) break;
    if (threadIdx.x == 0) {
      rejected.count = 0;
      path.accept(nodes[node].index, nodes[level.accepted].index, nodes[level.accepted].token);
    } else {
      ++path.accepted;
    }
    node = level.accepted;
    coin = level.next_coin;
  }
  if (threadIdx.x == 0) path.end();
  return {first + node, nodes[node].index, p.last_coins == nullptr ? stretched(coin, used) : p.last_coins[request],
          path.accepted != p.tree.steps - 1};
}

// A token of the draft is accepted with probability min(1, target / draft); one that is none of the vocabulary, or that
// the target never gives, is not.
__device__ __forceinline__ bool takes_token(const SampleDraftProblem& of, const RowRandom& random, int64_t request,
                                            int64_t place, int64_t token) {
  const int64_t vocabulary = of.rows.vocabulary, drafted = of.chain.drafted;
  if (uint64_t(token) >= uint64_t(vocabulary)) return false;
  const float target = mass_of(of.rows.target[(request * (drafted + 1) + place) * vocabulary + token]);
  const float draft = of.rows.draft[(request * drafted + place) * vocabulary + token];
  const uint4 words = random.words(uint32_t(place));
  return target > 0.f && unit_interval(words.x, words.y) * double(draft) < double(target);
}

// A chain's tokens, a lane for each; behind the first that is not accepted there are none.
__device__ __forceinline__ WalkEnd walk_chain(const SampleDraftProblem& of, int64_t request) {
  const ChainProblem& p = of.chain;
  const int64_t row = request * (p.drafted + 1);
  const RowRandom random(p.random, request);
  int64_t emitted = p.drafted, accepted = 0;
  for (int64_t first = 0; first < p.drafted; first += 32) {
    const int64_t place = first + threadIdx.x;
    const bool is_there = place < p.drafted;
    const int64_t token = is_there ? at(p.draft_tokens, request * p.drafted + place) : -1;
    const uint32_t taken = __ballot_sync(~0u, is_there && takes_token(of, random, request, place, token));
    const uint32_t refused = ~taken & __ballot_sync(~0u, is_there);
    accepted += __popc(taken);
    if (emitted == p.drafted && refused != 0) emitted = first + __ffs(int(refused)) - 1;
    if (is_there) p.tokens[row + place] = place < emitted ? int32_t(token) : -1;
  }
  if (threadIdx.x == 0) {
    p.tokens[row + p.drafted] = -1;
    set(p.accepted, request, at(p.accepted, request) + accepted);
    set(p.emitted, request, at(p.emitted, request) + emitted);
  }
  const uint4 words = random.words(uint32_t(p.drafted));
  return {row + emitted, row + emitted, unit_interval(words.x, words.y), emitted != p.drafted};
}

__device__ __forceinline__ const float* draft_row(const SampleDraftProblem& p, int64_t request, const WalkEnd& end) {
  if (!end.takes_off) return nullptr;
  const int64_t row = p.is_chain ? end.row - request : end.row;  // a chain has one row less of the draft than of the target
  return p.rows.draft + row * p.rows.vocabulary;
}

// The first block of a cluster walks, and the others take from it where it has ended.
__device__ __forceinline__ void walk(const SampleDraftProblem& p, int64_t request, TreeNode* nodes, Rejected& rejected,
                                     WalkEnd& end) {
  const bool is_first = BlockCluster::rank() == 0;
  if (is_first && threadIdx.x == 0) rejected.count = 0;
  if (is_first && !p.is_chain) load_tree(p.tree.tree, request, nodes);
  rejected.clear_seen();
  __syncthreads();
  if (is_first && threadIdx.x < 32) {
    const WalkEnd found = p.is_chain ? walk_chain(p, request) : walk_tree(p, request, nodes, rejected);
    if (threadIdx.x == 0) end = found;
  }
  BlockCluster::meet();
  if (!is_first) {
    const Rejected& of_first = *BlockCluster::of_first(&rejected);
    const int32_t count = of_first.count;
    for (int32_t i = threadIdx.x; i < count; i += kDrawThreads) rejected.tokens[i] = of_first.tokens[i];
    if (threadIdx.x == 0) {
      rejected.count = count;
      end = *BlockCluster::of_first(&end);
    }
    __syncthreads();
  }
  rejected.mark_seen();
  __syncthreads();
}

// A cluster for each request. Between the first meeting and the second, its blocks write to the first one's sums.
__global__ void __launch_bounds__(kDrawThreads, 1) sample_draft_kernel(SampleDraftProblem p) {
  extern __shared__ double of_tree_or_sums[];
  __shared__ DrawMemory memory;
  __shared__ WalkEnd end;
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int block = BlockCluster::rank(), blocks = BlockCluster::size();
  const int64_t requests = p.is_chain ? p.chain.requests : p.tree.tree.requests;
  if (threadIdx.x == 0) memory.of = reinterpret_cast<SegmentSums*>(of_tree_or_sums);
  for (int64_t request = blockIdx.x / blocks; request < requests; request += gridDim.x / blocks) {
    walk(p, request, reinterpret_cast<TreeNode*>(of_tree_or_sums), memory.rejected, end);
    const Distributions& rows = p.rows;
    const DrawnRow row{rows.target + end.row * rows.vocabulary, draft_row(p, request, end), rows.vocabulary, rows.segment};
    sum_segments(row, memory, block, blocks, BlockCluster::of_first(memory.of->sum));
    BlockCluster::meet();
    if (block != 0) continue;
    const int64_t token = draw_token(row, end.coin, memory);
    if (threadIdx.x == 0) {
      if (p.is_chain) {
        p.chain.tokens[end.place] = int32_t(token);
      } else {
        AcceptedPath{p.tree.tree, request}.predict(end.place, token);
      }
    }
    __syncthreads();
  }
}

}  // namespace warpwright
