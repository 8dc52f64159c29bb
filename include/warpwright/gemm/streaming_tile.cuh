// What the kernels for few tokens share: the tile, the fetching of operands, and the sum over the CTAs that split k.
//
// The operands are swapped: a tile is kWeights columns of b (the tensor core's M, 64 for each warpgroup) by kTokens rows
// of a (its N, as small as 8), so no tensor-core rows are wasted on tokens that do not exist. The CTAs of a cluster split
// k and add their sums through distributed shared memory: enough CTAs to keep every SM reading, without a workspace, a
// second kernel or atomics, and with the same sum in every run.
#pragma once

#include <cuda.h>

#include <cstdint>

#include "cute/arch/cluster_sm90.hpp"
#include "cute/arch/copy_sm90_desc.hpp"
#include "cute/arch/copy_sm90_tma.hpp"
#include "cutlass/arch/barrier.h"
#include "warpwright/dtype.h"
#include "warpwright/gemm/scaled_mm_tiles_sm90a.h"
#include "warpwright/gemm/wgmma.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::streaming {

constexpr int kMaxStages = sm90a::kMostStages;

// The barriers and the tokens' scales at the start of shared memory.
struct Header {
  uint64_t full[kMaxStages], empty[kMaxStages];
  float scale_a[128];
};

template <typename Element_, int kWeights_, int kTokens_, int kBoxes_>
struct Tile {
  using Element = Element_;
  using Sum = Accumulator<Element>;
  static constexpr int kWeights = kWeights_, kTokens = kTokens_;
  static constexpr int kBoxes = kBoxes_;  // in one stage, side by side along k
  static constexpr int kConsumers = kWeights * 2;  // threads: one warpgroup for 64 weights
  static constexpr int kWeightBytes = kWeights * kSwizzleBytes, kTokenBytes = kTokens * kSwizzleBytes;
  static constexpr int kStageBytes = kBoxes * (kWeightBytes + kTokenBytes);
  static constexpr int kPitch = kWeights + 4;  // of the sums in shared memory; 4 keeps the writes free of conflicts
  static constexpr int kGroups = kTokens / 8;  // of 8 tokens; a CTA of the cluster finishes every split-th group
  static constexpr int kGroupBytes = 8 * kPitch * 4;
  static constexpr int kHeaderBytes = 1024;
  static_assert(sizeof(Header) <= kHeaderBytes);

  static constexpr int groups_per_rank(int split) { return (kGroups + split - 1) / split; }

  // Few sums have a place of their own, so the cluster may send them at once. Many take the place of the stages, once
  // the whole cluster has done with those.
  static constexpr bool kInStages = kTokens >= 128;

  static constexpr int shared_memory(int stages, int split) {
    const int pipeline = stages * kStageBytes, sums = split * groups_per_rank(split) * kGroupBytes;
    const int both = !kInStages ? pipeline + sums : pipeline > sums ? pipeline : sums;
    return kSwizzleAlignment + kHeaderBytes + both;
  }
};

// A CTA's place: the clusters, each of the CTAs that split the k of a tile, stand along x, the tiles of tokens first.
template <typename Tile>
struct Place {
  int rank, ranks, m, n;

  __device__ __forceinline__ explicit Place(int64_t m_end)
      : rank(int(cute::block_rank_in_cluster())), ranks(int(cute::cluster_shape().x)) {
    const unsigned tile = blockIdx.x / unsigned(ranks), rows = unsigned((m_end + Tile::kTokens - 1) / Tile::kTokens);
    m = int(tile % rows) * Tile::kTokens;
    n = int(tile / rows) * Tile::kWeights;
  }

  __device__ __forceinline__ int tokens(int64_t m_end) const {
    return m_end - m < Tile::kTokens ? int(m_end - m) : Tile::kTokens;
  }
  __device__ __forceinline__ int first_step(int k_steps) const { return k_steps * rank / ranks; }
  __device__ __forceinline__ int last_step(int k_steps) const { return k_steps * (rank + 1) / ranks; }
};

// The one thread that fetches the CTA's share of k, stage by stage.
template <typename Tile>
struct Producer {
  const CUtensorMap& weights;
  const CUtensorMap& tokens;
  Header& header;
  uint8_t* stages;
  Place<Tile> at;

  // The weights are read once: they must not push out of L2 what the next kernels read.
  static constexpr uint64_t kReadOnce = uint64_t(cute::TMA::CacheHintSm90::EVICT_FIRST);
  static constexpr uint64_t kReadAgain = uint64_t(cute::TMA::CacheHintSm90::EVICT_LAST);

  __device__ __forceinline__ void fetch(int step, int stage) const {
    uint64_t* full = &header.full[stage];
    cutlass::arch::ClusterTransactionBarrier::arrive_and_expect_tx(full, Tile::kStageBytes);
    uint8_t* to = stages + stage * Tile::kStageBytes;
#pragma unroll
    for (int box = 0; box < Tile::kBoxes; ++box) {
      const int k = (step * Tile::kBoxes + box) * kSwizzleBytes;
      cute::SM90_TMA_LOAD_2D::copy(&weights, full, kReadOnce, to + box * Tile::kWeightBytes, k, at.n);
      cute::SM90_TMA_LOAD_2D::copy(&tokens, full, kReadAgain,
                                   to + Tile::kBoxes * Tile::kWeightBytes + box * Tile::kTokenBytes, k, at.m);
    }
  }

  // The barriers, and the first stages, which need no waiting, not even for the other threads. A full stage has
  // `arrivals`.
  __device__ __forceinline__ void start(int count, int arrivals, int begin, int end) const {
    cute::prefetch_tma_descriptor(&weights);
    cute::prefetch_tma_descriptor(&tokens);
    for (int i = 0; i < count; ++i) {
      cutlass::arch::ClusterBarrier::init(&header.full[i], arrivals);
      cutlass::arch::ClusterBarrier::init(&header.empty[i], Tile::kConsumers / 32);
    }
    cutlass::arch::fence_barrier_init();
    for (int i = 0; i < count && begin + i < end; ++i) fetch(begin + i, i);
  }

  // The other stages, each once it is free.
  __device__ __forceinline__ void run(int count, int begin, int end) const {
    Slot slot;
    for (int step = begin + count; step < end; ++step) {
      cutlass::arch::ClusterBarrier::wait(&header.empty[slot.stage], slot.phase);
      fetch(step, slot.stage);
      slot.advance(count);
    }
  }
};

// A warp gives a stage back.
__device__ __forceinline__ void release(uint64_t* empty) {
  if (threadIdx.x % 32 == 0) cutlass::arch::ClusterBarrier::arrive(empty);
}

__device__ __forceinline__ void store_to_rank(uint32_t address, uint32_t value) {
  asm volatile("st.shared::cluster.u32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}
__device__ __forceinline__ void store_to_rank(uint32_t address, float value) {
  store_to_rank(address, __float_as_uint(value));
}

// Sends a warpgroup's sums to the CTAs that finish them, which keep them as [sender][group][token][weight]: stores to
// another CTA need no answer, loads from one would.
template <typename Tile, int kSize>
__device__ __forceinline__ void send_sums(const typename Tile::Sum (&sums)[kSize], const uint8_t* received,
                                          const Place<Tile>& at, int tokens) {
  const int weight = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4, token = threadIdx.x % 4 * 2;
  const uint32_t mine = cute::cast_smem_ptr_to_uint(received) +
                        at.rank * Tile::groups_per_rank(at.ranks) * Tile::kGroupBytes +
                        (token * Tile::kPitch + weight) * 4;
  int to = 0, slot = 0;
#pragma unroll
  for (int group = 0; group < Tile::kGroups; ++group) {
    if (group * 8 < tokens) {
      const uint32_t address = cute::set_block_rank(mine + slot * Tile::kGroupBytes, to);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        store_to_rank(address + (i % 2 * Tile::kPitch + i / 2 * 8) * 4, sums[group * 4 + i]);
      }
    }
    if (++to == at.ranks) to = 0, ++slot;
  }
}

__device__ __forceinline__ void add(uint32_t (&total)[4], const uint4& part) {
  total[0] += part.x, total[1] += part.y, total[2] += part.z, total[3] += part.w;
}
__device__ __forceinline__ void add(float (&total)[4], const uint4& part) {
  total[0] += __uint_as_float(part.x), total[1] += __uint_as_float(part.y);
  total[2] += __uint_as_float(part.z), total[3] += __uint_as_float(part.w);
}

template <typename Out>
__device__ __forceinline__ void store_out(void* out, int64_t offset, const float (&value)[4]) {
  Out rounded[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) rounded[i] = Out(value[i]);
  *reinterpret_cast<uint2*>(static_cast<Out*>(out) + offset) = *reinterpret_cast<const uint2*>(rounded);
}

// Four outputs of one token.
__device__ __forceinline__ void store_out(void* out, Dtype dtype, int64_t offset, const float (&value)[4]) {
  if (dtype == Dtype::kFloat16) {
    store_out<cutlass::half_t>(out, offset, value);
  } else {
    store_out<cutlass::bfloat16_t>(out, offset, value);
  }
}

// Adds the sums that the cluster sent here, and calls write(token, weight, sums) for four neighbouring weights each.
template <typename Tile, typename Write>
__device__ __forceinline__ void finish(const uint8_t* received, const Place<Tile>& at, int tokens, Write write) {
  constexpr int kQuads = Tile::kWeights / 4;  // a token's weights, four to a thread: the threads take 8 tokens at once
  const int quad = threadIdx.x % kQuads, row = threadIdx.x / kQuads;
  const int sender_bytes = Tile::groups_per_rank(at.ranks) * Tile::kGroupBytes;
  const uint8_t* from = received + (row * Tile::kPitch + quad * 4) * 4;
  for (int token = at.rank * 8 + row; token < tokens; token += at.ranks * 8, from += Tile::kGroupBytes) {
    typename Tile::Sum total[4] = {};
    for (int sender = 0; sender < at.ranks; ++sender) {
      add(total, *reinterpret_cast<const uint4*>(from + sender * sender_bytes));
    }
    write(token, quad * 4, total);
  }
}

template <typename Tile>
Grid grid_of(int64_t m, int64_t n, int split) {
  return {split * ((m + Tile::kTokens - 1) / Tile::kTokens) * ((n + Tile::kWeights - 1) / Tile::kWeights)};
}

}  // namespace warpwright::streaming
