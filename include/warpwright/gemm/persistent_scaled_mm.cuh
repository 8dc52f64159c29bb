// A scaled matrix product for many tokens on sm_90a, where the tensor cores set the time.
//
// One CTA per SM works through tiles of 128 tokens by kWidth weights. One warp fetches; two warpgroups multiply 64
// tokens each, as wide as wgmma goes, so an operand byte read from shared memory serves as many products as it can. A
// cluster of two CTAs shares the weights: each fetches half of them for both. The scales of a tile are fetched while
// its products run, and the output leaves by TMA while those of the next tile do.
#pragma once

#include <cuda.h>

#include <cstdint>

#include "cute/arch/cluster_sm90.hpp"
#include "cute/arch/copy_sm90.hpp"
#include "cute/arch/copy_sm90_desc.hpp"
#include "cute/arch/copy_sm90_tma.hpp"
#include "cutlass/arch/barrier.h"
#include "cutlass/arch/reg_reconfig.h"
#include "warpwright/gemm/launch_kernel.cuh"
#include "warpwright/gemm/scaled_mm.h"
#include "warpwright/gemm/tensor_map.h"
#include "warpwright/gemm/wgmma.cuh"

namespace warpwright::persistent {

template <typename Element_, typename Out_, int kWidth_, int kStages_>
struct Tile {
  using Element = Element_;
  using Out = Out_;
  using Sum = Accumulator<Element>;
  static constexpr int kTokens = 128, kWidth = kWidth_, kStages = kStages_;
  static constexpr int kCluster = 2;  // CTAs with the same weights and neighbouring tokens
  static constexpr int kConsumers = 256, kThreads = kConsumers + 128;
  static constexpr int kSums = kWidth / 2;  // of one thread
  static constexpr int kTokenBytes = kTokens * kSwizzleBytes, kWeightBytes = kWidth * kSwizzleBytes;
  static constexpr int kStageBytes = kTokenBytes + kWeightBytes;
  static constexpr int kBlock = 64;                     // output columns that leave together: 128 bytes
  static constexpr int kBlockBytes = 64 * kBlock * 2;   // of one warpgroup
  static constexpr int kOutBytes = 2 * 2 * kBlockBytes;  // two warpgroups, two blocks each
  static constexpr int kArrivals = kCluster * kConsumers / 32;  // that free a stage
};

// At the end of shared memory, behind the stages and the output.
template <typename Tile>
struct Header {
  float scale_b[Tile::kWidth], bias[Tile::kWidth];
  uint64_t full[Tile::kStages], empty[Tile::kStages];
};

template <typename Tile>
constexpr int shared_memory() {
  return Tile::kStages * Tile::kStageBytes + Tile::kOutBytes + int(sizeof(Header<Tile>));
}

struct Params {
  ScaledMmProblem problem;
  int k_steps = 0;
  int rows = 0, columns = 0;  // of tiles; a row is a cluster's: two tiles of tokens
  int panel = 1;              // rows that are worked on together, so that what they read stays in L2
};

struct Position {
  int m, n;  // first token, first weight
};

template <typename Tile>
__device__ __forceinline__ Position position_of(const Params& params, int tile) {
  const int first = tile / (params.panel * params.columns) * params.panel;
  const int rows = min(params.panel, params.rows - first);
  const int within = tile - first * params.columns;
  const int row = first + within % rows;
  return {(row * Tile::kCluster + int(blockIdx.x % Tile::kCluster)) * Tile::kTokens, within / rows * Tile::kWidth};
}

// Calls work(position) for each tile of this CTA.
template <typename Tile, typename Work>
__device__ __forceinline__ void for_each_tile(const Params& params, Work work) {
  const int clusters = gridDim.x / Tile::kCluster;
  for (int tile = blockIdx.x / Tile::kCluster; tile < params.rows * params.columns; tile += clusters) {
    work(position_of<Tile>(params, tile));
  }
}

template <typename Tile>
__device__ __forceinline__ void produce(const CUtensorMap& tokens, const CUtensorMap& weights, Header<Tile>& header,
                                        uint8_t* stages, const Params& params) {
  constexpr uint64_t kHint = uint64_t(cute::TMA::CacheHintSm90::EVICT_NORMAL);
  constexpr int kHalf = Tile::kWidth / Tile::kCluster;
  const int rank = blockIdx.x % Tile::kCluster;
  Slot slot;
  for_each_tile<Tile>(params, [&](Position at) {
    for (int step = 0; step < params.k_steps; ++step) {
      cutlass::arch::ClusterBarrier::wait(&header.empty[slot.stage], slot.phase ^ 1);
      uint64_t* full = &header.full[slot.stage];
      cutlass::arch::ClusterTransactionBarrier::arrive_and_expect_tx(full, Tile::kStageBytes);
      uint8_t* to = stages + slot.stage * Tile::kStageBytes;
      cute::SM90_TMA_LOAD_2D::copy(&tokens, full, kHint, to, step * kSwizzleBytes, at.m);
      cute::SM90_TMA_LOAD_MULTICAST_2D::copy(&weights, full, (1 << Tile::kCluster) - 1, kHint,
                                             to + Tile::kTokenBytes + rank * kHalf * kSwizzleBytes,
                                             step * kSwizzleBytes, at.n + rank * kHalf);
      slot.advance(Tile::kStages);
    }
  });
}

// A stage was filled by both CTAs of the cluster, so both are told that it is free.
template <typename Tile>
__device__ __forceinline__ void release(uint64_t* empty) {
  const int lane = threadIdx.x % 32;
  if (lane < Tile::kCluster) cutlass::arch::ClusterBarrier::arrive(empty, lane, 1);
}

template <typename Tile>
__device__ __forceinline__ void multiply(typename Tile::Sum (&sums)[Tile::kSums], Header<Tile>& header,
                                         const uint8_t* stages, Slot& slot, int k_steps) {
  const int warpgroup = threadIdx.x / 128;
#pragma unroll
  for (int i = 0; i < Tile::kSums; ++i) sums[i] = 0;
  fence_sums(sums);
  int previous = -1;
  for (int step = 0; step < k_steps; ++step) {
    cutlass::arch::ClusterBarrier::wait(&header.full[slot.stage], slot.phase);
    const uint8_t* from = stages + slot.stage * Tile::kStageBytes;
    cute::warpgroup_arrive();
    multiply_box<typename Tile::Element, Tile::kWidth>(sums, from + warpgroup * 64 * kSwizzleBytes,
                                                       from + Tile::kTokenBytes);
    cute::warpgroup_commit_batch();
    cute::warpgroup_wait<1>();
    if (previous >= 0) release<Tile>(&header.empty[previous]);
    previous = slot.stage;
    slot.advance(Tile::kStages);
  }
  cute::warpgroup_wait<0>();
  fence_sums(sums);
  release<Tile>(&header.empty[previous]);
}

// The scales of a tile, fetched by its consumers before they multiply: each thread one weight's and two tokens'.
template <typename Tile>
struct Scales {
  float b = 0, bias = 0, a[2] = {0, 0};

  __device__ __forceinline__ Scales(const ScaledMmProblem& p, Position at) {
    const int64_t n = int64_t(at.n) + threadIdx.x;
    if (threadIdx.x < Tile::kWidth && n < p.n) {
      b = p.scale_b.data[p.scale_b.per_tensor ? 0 : n];
      if (p.bias != nullptr) bias = float(static_cast<const typename Tile::Out*>(p.bias)[n]);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int64_t m = int64_t(at.m) + threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4 + i * 8;
      if (m < p.m) a[i] = p.scale_a.data[p.scale_a.per_tensor ? 0 : m];
    }
  }

  // The weights' scales go to all threads; a barrier has to follow.
  __device__ __forceinline__ void share(Header<Tile>& header) const {
    if (threadIdx.x >= Tile::kWidth) return;
    header.scale_b[threadIdx.x] = b;
    header.bias[threadIdx.x] = bias;
  }
};

__device__ __forceinline__ uint32_t pack(cutlass::half_t low, cutlass::half_t high) {
  return uint32_t(low.storage) | uint32_t(high.storage) << 16;
}
__device__ __forceinline__ uint32_t pack(cutlass::bfloat16_t low, cutlass::bfloat16_t high) {
  return uint32_t(low.storage) | uint32_t(high.storage) << 16;
}

// Two neighbouring outputs of one token.
template <typename Tile>
__device__ __forceinline__ uint32_t scale_pair(const typename Tile::Sum* sums, float scale_a, const float2& scale_b,
                                               const float2& bias) {
  using Out = typename Tile::Out;
  return pack(Out(fmaf(scale_a, as_float(sums[0]) * scale_b.x, bias.x)),
              Out(fmaf(scale_a, as_float(sums[1]) * scale_b.y, bias.y)));
}

// A warpgroup's 64 tokens by 64 weights, scaled, into shared memory in TMA's swizzle.
template <typename Tile>
__device__ __forceinline__ void store_block(const typename Tile::Sum* sums, const Scales<Tile>& scales,
                                            const Header<Tile>& header, int column, uint8_t* to) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  const int row = warp * 16 + lane % 16;
  uint8_t* to_row = to + row * 128;
#pragma unroll
  for (int j = 0; j < Tile::kBlock / 8; j += 2) {  // 16 weights: four 8x8 matrices of one stmatrix
    uint32_t packed[4];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int weight = column + (j + i) * 8 + lane % 4 * 2;
      const float2 scale_b = *reinterpret_cast<const float2*>(&header.scale_b[weight]);
      const float2 bias = *reinterpret_cast<const float2*>(&header.bias[weight]);
      packed[2 * i] = scale_pair<Tile>(sums + (j + i) * 4, scales.a[0], scale_b, bias);
      packed[2 * i + 1] = scale_pair<Tile>(sums + (j + i) * 4 + 2, scales.a[1], scale_b, bias);
    }
    const int chunk = (j + lane / 16) ^ (row % 8);
    cute::SM90_U32x4_STSM_N::copy(packed[0], packed[1], packed[2], packed[3],
                                  *reinterpret_cast<cute::uint128_t*>(to_row + chunk * 16));
  }
}

// Each warpgroup writes its part of the tile, block by block through two buffers. One of its threads starts the stores.
template <typename Tile>
__device__ __forceinline__ void store(const typename Tile::Sum (&sums)[Tile::kSums], const Scales<Tile>& scales,
                                      const Header<Tile>& header, uint8_t* out, const CUtensorMap& out_map,
                                      Position at) {
  const int warpgroup = threadIdx.x / 128;
  const bool leads = threadIdx.x % 128 == 0;
  uint8_t* buffers = out + warpgroup * 2 * Tile::kBlockBytes;
#pragma unroll
  for (int block = 0; block < Tile::kWidth / Tile::kBlock; ++block) {
    uint8_t* buffer = buffers + block % 2 * Tile::kBlockBytes;
    if (leads) cute::tma_store_wait<1>();  // the buffer's last store has read it
    cutlass::arch::NamedBarrier::sync(128, 1 + warpgroup);
    store_block<Tile>(sums + block * 32, scales, header, block * Tile::kBlock, buffer);
    cute::tma_store_fence();
    cutlass::arch::NamedBarrier::sync(128, 1 + warpgroup);
    if (leads) {
      cute::SM90_TMA_STORE_2D::copy(&out_map, buffer, at.n + block * Tile::kBlock, at.m + warpgroup * 64);
      cute::tma_store_arrive();
    }
  }
}

template <typename Tile>
__device__ __forceinline__ void consume(Header<Tile>& header, const uint8_t* stages, uint8_t* out,
                                        const CUtensorMap& out_map, const Params& params) {
  Slot slot;
  for_each_tile<Tile>(params, [&](Position at) {
    const Scales<Tile> scales(params.problem, at);
    typename Tile::Sum sums[Tile::kSums];
    multiply<Tile>(sums, header, stages, slot, params.k_steps);
    cutlass::arch::NamedBarrier::sync(Tile::kConsumers, 0);  // all have read the scales of the tile before
    scales.share(header);
    cutlass::arch::NamedBarrier::sync(Tile::kConsumers, 0);
    store<Tile>(sums, scales, header, out, out_map, at);
  });
  if (threadIdx.x % 128 == 0) cute::tma_store_wait<0>();
}

template <typename Tile>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    scaled_mm(const __grid_constant__ CUtensorMap tokens, const __grid_constant__ CUtensorMap weights,
              const __grid_constant__ CUtensorMap out_map, const __grid_constant__ Params params) {
  extern __shared__ __align__(1024) uint8_t stages[];
  uint8_t* out = stages + Tile::kStages * Tile::kStageBytes;
  Header<Tile>& header = *reinterpret_cast<Header<Tile>*>(out + Tile::kOutBytes);
  if (threadIdx.x == 0) {
    for (int i = 0; i < Tile::kStages; ++i) {
      cutlass::arch::ClusterBarrier::init(&header.full[i], 1);
      cutlass::arch::ClusterBarrier::init(&header.empty[i], Tile::kArrivals);
    }
    cutlass::arch::fence_barrier_init();
  }
  if (threadIdx.x == Tile::kConsumers) {
    cute::prefetch_tma_descriptor(&tokens);
    cute::prefetch_tma_descriptor(&weights);
    cute::prefetch_tma_descriptor(&out_map);
  }
  cute::cluster_sync();
  if (threadIdx.x >= Tile::kConsumers) {
    cutlass::arch::warpgroup_reg_dealloc<40>();
    if (threadIdx.x == Tile::kConsumers) produce<Tile>(tokens, weights, header, stages, params);
  } else {
    cutlass::arch::warpgroup_reg_alloc<232>();
    consume<Tile>(header, stages, out, out_map, params);
  }
  __syncwarp();
  cute::cluster_sync();  // the other CTA writes to this one's shared memory until it is done
}

template <typename Tile>
Status launch(const ScaledMmProblem& p, const Device& device, int panel, cudaStream_t stream) {
  CUtensorMap tokens, weights, out;
  Status status = make_byte_matrix_map(&tokens, p.a, p.m, p.k, p.lda, Tile::kTokens);
  if (status.ok()) status = make_byte_matrix_map(&weights, p.b, p.n, p.k, p.ldb, Tile::kWidth / Tile::kCluster);
  if (status.ok()) status = make_out_map(&out, p.out, p.m, p.n, 64);
  if (!status.ok()) return status;

  Params params{p};
  params.k_steps = int((p.k + kSwizzleBytes - 1) / kSwizzleBytes);
  params.rows = int((p.m + Tile::kCluster * Tile::kTokens - 1) / (Tile::kCluster * Tile::kTokens));
  params.columns = int((p.n + Tile::kWidth - 1) / Tile::kWidth);
  params.panel = panel;
  const int64_t clusters = std::min<int64_t>(int64_t(params.rows) * params.columns, device.sm_count / Tile::kCluster);
  return launch_clusters(scaled_mm<Tile>, dim3(unsigned(clusters) * Tile::kCluster), Tile::kThreads, Tile::kCluster,
                         shared_memory<Tile>(), stream, tokens, weights, out, params);
}

}  // namespace warpwright::persistent
