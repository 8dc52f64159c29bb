// A scaled matrix product for few tokens on sm_90a, where all the time goes into reading the weights once.
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
#include "warpwright/gemm/launch_kernel.cuh"
#include "warpwright/gemm/scaled_mm.h"
#include "warpwright/gemm/scaled_mm_tiles_sm90a.h"
#include "warpwright/gemm/tensor_map.h"
#include "warpwright/gemm/wgmma.cuh"

namespace warpwright::streaming {

constexpr int kMaxStages = 16;

template <typename Element_, int kWeights_, int kTokens_, int kBoxes_>
struct Tile {
  using Element = Element_;
  using Sum = Accumulator<Element>;
  static constexpr int kWeights = kWeights_, kTokens = kTokens_;
  static constexpr int kBoxes = kBoxes_;  // in one stage, side by side along k
  static constexpr int kConsumers = kWeights * 2;  // threads: one warpgroup for 64 weights
  static constexpr int kThreads = kConsumers + 32;
  static constexpr int kWeightBytes = kWeights * kSwizzleBytes, kTokenBytes = kTokens * kSwizzleBytes;
  static constexpr int kStageBytes = kBoxes * (kWeightBytes + kTokenBytes);
  static constexpr int kPitch = kWeights + 4;  // of the sums in shared memory; 4 keeps the writes free of conflicts
  static constexpr int kGroups = kTokens / 8;  // of 8 tokens; a CTA of the cluster finishes every split-th group
  static constexpr int kGroupBytes = 8 * kPitch * 4;
  static constexpr int kHeaderBytes = 1024;  // barriers, and the tokens' scales

  static constexpr int groups_per_rank(int split) { return (kGroups + split - 1) / split; }

  // Few sums have a place of their own, so the cluster may send them at once. Many take the place of the stages, once
  // the whole cluster has done with those.
  static constexpr bool kInStages = kTokens >= 128;

  static constexpr int shared_memory(int stages, int split) {
    const int pipeline = stages * kStageBytes, sums = split * groups_per_rank(split) * kGroupBytes;
    const int both = !kInStages ? pipeline + sums : pipeline > sums ? pipeline : sums;
    return 1024 + kHeaderBytes + both;  // 1024: to align
  }
};

struct Params {
  ScaledMmProblem problem;
  int k_steps = 0;  // stages' worth of k
  int stages = 0;
};

// The barriers and the scales at the start of shared memory.
struct Header {
  uint64_t full[kMaxStages], empty[kMaxStages];
  float scale_a[128];
};
static_assert(sizeof(Header) <= 1024);

// The one thread that fetches the CTA's share of k, stage by stage.
template <typename Tile>
struct Producer {
  const CUtensorMap& weights;
  const CUtensorMap& tokens;
  Header& header;
  uint8_t* stages;
  int step, end;
  Slot slot{};

  // The weights are read once: they must not push out of L2 what the next kernels read.
  static constexpr uint64_t kReadOnce = uint64_t(cute::TMA::CacheHintSm90::EVICT_FIRST);
  static constexpr uint64_t kReadAgain = uint64_t(cute::TMA::CacheHintSm90::EVICT_LAST);

  __device__ __forceinline__ void fetch() {
    const int n0 = blockIdx.z * Tile::kWeights, m0 = blockIdx.y * Tile::kTokens;
    uint64_t* full = &header.full[slot.stage];
    cutlass::arch::ClusterTransactionBarrier::arrive_and_expect_tx(full, Tile::kStageBytes);
    uint8_t* to = stages + slot.stage * Tile::kStageBytes;
#pragma unroll
    for (int box = 0; box < Tile::kBoxes; ++box) {
      const int k = (step * Tile::kBoxes + box) * kSwizzleBytes;
      cute::SM90_TMA_LOAD_2D::copy(&weights, full, kReadOnce, to + box * Tile::kWeightBytes, k, n0);
      cute::SM90_TMA_LOAD_2D::copy(&tokens, full, kReadAgain,
                                   to + Tile::kBoxes * Tile::kWeightBytes + box * Tile::kTokenBytes, k, m0);
    }
    ++step;
  }

  // The first fetches need no waiting, not even for the other threads.
  __device__ __forceinline__ void start(int count) {
    for (int i = 0; i < count && step < end; ++i) {
      fetch();
      slot.advance(count);
    }
  }
  __device__ __forceinline__ void run(int count) {
    while (step < end) {
      cutlass::arch::ClusterBarrier::wait(&header.empty[slot.stage], slot.phase ^ 1);
      fetch();
      slot.advance(count);
    }
  }
};

// A warpgroup: multiplies what arrives. The stage before the current one is given back once its products are done.
template <typename Tile, int kSize>
__device__ __forceinline__ void consume(typename Tile::Sum (&sums)[kSize], Header& header, const uint8_t* stages,
                                        int count, int steps) {
  const int warpgroup = threadIdx.x / 128;
  const bool signals = threadIdx.x % 32 == 0;
  Slot slot;
  int previous = -1;
  fence_sums(sums);
  for (int step = 0; step < steps; ++step) {
    cutlass::arch::ClusterBarrier::wait(&header.full[slot.stage], slot.phase);
    const uint8_t* weights = stages + slot.stage * Tile::kStageBytes;
    const uint8_t* tokens = weights + Tile::kBoxes * Tile::kWeightBytes;
    cute::warpgroup_arrive();
#pragma unroll
    for (int box = 0; box < Tile::kBoxes; ++box) {
      multiply_box<typename Tile::Element, Tile::kTokens>(
          sums, weights + box * Tile::kWeightBytes + warpgroup * 64 * kSwizzleBytes, tokens + box * Tile::kTokenBytes);
    }
    cute::warpgroup_commit_batch();
    cute::warpgroup_wait<1>();
    if (previous >= 0 && signals) cutlass::arch::ClusterBarrier::arrive(&header.empty[previous]);
    previous = slot.stage;
    slot.advance(count);
  }
  cute::warpgroup_wait<0>();
  fence_sums(sums);
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
                                          int rank, int ranks, int tokens) {
  const int weight = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4, token = threadIdx.x % 4 * 2;
  const uint32_t mine = cute::cast_smem_ptr_to_uint(received) +
                        rank * Tile::groups_per_rank(ranks) * Tile::kGroupBytes + (token * Tile::kPitch + weight) * 4;
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
    if (++to == ranks) to = 0, ++slot;
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

// What one thread of the last step needs for its four weights, which are the same for all of its tokens.
struct WeightScales {
  float scale[4] = {}, bias[4] = {};

  __device__ __forceinline__ WeightScales(const ScaledMmProblem& p, int64_t n) {
    if (n >= p.n) return;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      scale[i] = p.scale_b.data[p.scale_b.per_tensor ? 0 : n + i];
      if (p.bias == nullptr) continue;
      bias[i] = p.out_dtype == Dtype::kFloat16 ? float(static_cast<const cutlass::half_t*>(p.bias)[n + i])
                                               : float(static_cast<const cutlass::bfloat16_t*>(p.bias)[n + i]);
    }
  }
};

// Four outputs of one token.
template <typename Sum>
__device__ __forceinline__ void write(const ScaledMmProblem& p, int64_t offset, const Sum (&total)[4],
                                      float scale_a, const WeightScales& weights) {
  float value[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) value[i] = fmaf(scale_a, as_float(total[i]) * weights.scale[i], weights.bias[i]);
  if (p.out_dtype == Dtype::kFloat16) {
    store_out<cutlass::half_t>(p.out, offset, value);
  } else {
    store_out<cutlass::bfloat16_t>(p.out, offset, value);
  }
}

// Adds the sums that the cluster sent here, and writes the output.
template <typename Tile>
__device__ __forceinline__ void finish(const uint8_t* received, const Header& header, const WeightScales& weights,
                                       const ScaledMmProblem& p, int rank, int ranks, int tokens) {
  constexpr int kQuads = Tile::kWeights / 4;  // a token's weights, four to a thread: the threads take 8 tokens at once
  const int quad = threadIdx.x % kQuads, row = threadIdx.x / kQuads;
  const int64_t n = int64_t(blockIdx.z) * Tile::kWeights + quad * 4, m0 = int64_t(blockIdx.y) * Tile::kTokens;
  if (n >= p.n) return;
  const int sender_bytes = Tile::groups_per_rank(ranks) * Tile::kGroupBytes;
  const uint8_t* from = received + (row * Tile::kPitch + quad * 4) * 4;
  for (int token = rank * 8 + row; token < tokens; token += ranks * 8, from += Tile::kGroupBytes) {
    typename Tile::Sum total[4] = {};
    for (int sender = 0; sender < ranks; ++sender) {
      add(total, *reinterpret_cast<const uint4*>(from + sender * sender_bytes));
    }
    write(p, (m0 + token) * p.n + n, total, header.scale_a[token], weights);
  }
}

__device__ __forceinline__ void initialize(Header& header, int stages, int consumer_warps) {
  for (int i = 0; i < stages; ++i) {
    cutlass::arch::ClusterBarrier::init(&header.full[i], 1);
    cutlass::arch::ClusterBarrier::init(&header.empty[i], consumer_warps);
  }
  cutlass::arch::fence_barrier_init();
}

// Grid: (CTAs that split k, tiles of tokens, tiles of weights); a cluster is the first of these.
template <typename Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    scaled_mm(const __grid_constant__ CUtensorMap weights, const __grid_constant__ CUtensorMap tokens,
              const __grid_constant__ Params params) {
  if constexpr (!Tile::kInStages) cute::cluster_arrive_relaxed();  // from here, the others may write to this CTA
  extern __shared__ uint8_t shared[];
  const uint32_t misaligned = cute::cast_smem_ptr_to_uint(shared) % 1024;
  uint8_t* stages = shared + (1024 - misaligned) % 1024;
  Header& header = *reinterpret_cast<Header*>(stages);
  stages += Tile::kHeaderBytes;
  uint8_t* received = Tile::kInStages ? stages : stages + params.stages * Tile::kStageBytes;
  const ScaledMmProblem& p = params.problem;
  const int rank = blockIdx.x, ranks = gridDim.x;
  const int begin = params.k_steps * rank / ranks, end = params.k_steps * (rank + 1) / ranks;
  const int64_t m0 = int64_t(blockIdx.y) * Tile::kTokens;
  const int count = p.m - m0 < Tile::kTokens ? int(p.m - m0) : Tile::kTokens;

  Producer<Tile> producer{weights, tokens, header, stages, begin, end};
  const bool consumes = threadIdx.x < Tile::kConsumers, produces = threadIdx.x == Tile::kConsumers;
  if (produces) {
    cute::prefetch_tma_descriptor(&weights);
    cute::prefetch_tma_descriptor(&tokens);
    initialize(header, params.stages, Tile::kConsumers / 32);
    producer.start(params.stages);
  }
  __syncthreads();

  if (consumes) {
    const WeightScales scales(p, int64_t(blockIdx.z) * Tile::kWeights + threadIdx.x % (Tile::kWeights / 4) * 4);
    float scale_a = 0;
    if (threadIdx.x < count) scale_a = p.scale_a.data[p.scale_a.per_tensor ? 0 : m0 + threadIdx.x];
    typename Tile::Sum sums[Tile::kTokens / 2] = {};
    consume<Tile>(sums, header, stages, params.stages, end - begin);
    if (threadIdx.x < count) header.scale_a[threadIdx.x] = scale_a;
    if constexpr (Tile::kInStages) cute::cluster_arrive();
    cute::cluster_wait();
    send_sums<Tile>(sums, received, rank, ranks, count);
    cute::cluster_sync();
    finish<Tile>(received, header, scales, p, rank, ranks, count);
  } else {
    if (produces) producer.run(params.stages);
    __syncwarp();
    if constexpr (Tile::kInStages) cute::cluster_arrive();
    cute::cluster_wait();
    cute::cluster_sync();
  }
}

template <typename Tile>
Status launch(const ScaledMmProblem& p, const Sm90aPlan& plan, cudaStream_t stream) {
  const int split = plan.split;
  static_assert(Tile::shared_memory(3, 2) ==
                sm90a::streaming_shared_memory({"", Sm90aKernel::kStreaming, Tile::kWeights, Tile::kTokens, Tile::kBoxes,
                                                0, 0}, 3, 2));
  if (plan.stages < 1 || plan.stages > kMaxStages) return Status::refused("this tile does not fit shared memory");
  CUtensorMap weights, tokens;
  Status status = make_byte_matrix_map(&weights, p.b, p.n, p.k, p.ldb, Tile::kWeights);
  if (status.ok()) status = make_byte_matrix_map(&tokens, p.a, p.m, p.k, p.lda, Tile::kTokens);
  if (!status.ok()) return status;

  constexpr int64_t kStep = kSwizzleBytes * Tile::kBoxes;
  const Params params{p, int((p.k + kStep - 1) / kStep), plan.stages};
  const dim3 grid(split, unsigned((p.m + Tile::kTokens - 1) / Tile::kTokens),
                  unsigned((p.n + Tile::kWeights - 1) / Tile::kWeights));
  return launch_clusters(scaled_mm<Tile>, grid, Tile::kThreads, split, plan.shared_memory, stream,
                         weights, tokens, params);
}

}  // namespace warpwright::streaming
