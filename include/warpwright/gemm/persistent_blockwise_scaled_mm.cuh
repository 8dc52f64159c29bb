// A matrix product with block scales for many tokens on sm_90a. A step of k is one block of the scales: its products are
// summed in the tensor core, and added, scaled, to sums in float32 while the products of the next step run.
#pragma once

#include "warpwright/gemm/block_scales.cuh"
#include "warpwright/gemm/blockwise_scaled_mm.h"
#include "warpwright/launch_kernel.cuh"
#include "warpwright/gemm/persistent_tile.cuh"
#include "warpwright/gemm/tensor_map.h"

namespace warpwright::persistent {

// At the end of shared memory, behind the stages and the output.
template <typename Tile>
struct BlockwiseHeader {
  float scale_a[Tile::kStages][Tile::kTokens], scale_b[Tile::kStages];
  uint64_t full[Tile::kStages], empty[Tile::kStages];
};

template <typename Tile>
constexpr int blockwise_shared_memory() {
  return kSwizzleAlignment + Tile::kStages * Tile::kStageBytes + Tile::kOutBytes + int(sizeof(BlockwiseHeader<Tile>));
}

struct BlockwiseParams {
  BlockwiseScaledMmProblem problem;
  TileGrid grid;
};

// One thread fetches the operands, a warp of its own the scales.
template <typename Tile>
__device__ __forceinline__ void produce(const CUtensorMap& tokens, const CUtensorMap& weights,
                                        BlockwiseHeader<Tile>& header, uint8_t* stages, const TileGrid& grid) {
  Slot slot;
  for_each_tile<Tile>(grid, [&](Position at) {
    for (int step = 0; step < grid.k_steps; ++step) {
      cutlass::arch::ClusterBarrier::wait(&header.empty[slot.stage], slot.phase ^ 1);
      fetch<Tile>(tokens, weights, &header.full[slot.stage], stages + slot.stage * Tile::kStageBytes, step, at);
      slot.advance(Tile::kStages);
    }
  });
}

template <typename Tile>
__device__ __forceinline__ void produce_scales(BlockwiseHeader<Tile>& header, const BlockwiseParams& params) {
  Slot slot;
  for_each_tile<Tile>(params.grid, [&](Position at) {
    TileScales<Tile::kTokens> scales(params.problem, at.m, at.n, 0);
    for (int step = 0; step < params.grid.k_steps; ++step) {
      cutlass::arch::ClusterBarrier::wait(&header.empty[slot.stage], slot.phase ^ 1);
      scales.fetch(header.scale_a[slot.stage], &header.scale_b[slot.stage]);
      cutlass::arch::cpasync_barrier_arrive_noinc(&header.full[slot.stage]);
      slot.advance(Tile::kStages);
    }
  });
}

// A warpgroup's way through the stages.
template <typename Tile>
struct Multiplier {
  using Sums = float[Tile::kSums];

  BlockwiseHeader<Tile>& header;
  const uint8_t* stages;
  Slot slot{};
  int running = 0;  // the stage whose products run

  // Starts the products of the next stage.
  __device__ __forceinline__ void start(Sums& sums) {
    cutlass::arch::ClusterBarrier::wait(&header.full[slot.stage], slot.phase);
    const uint8_t* from = stages + slot.stage * Tile::kStageBytes;
    fence_sums(sums);
    cute::warpgroup_arrive();
    multiply_box<typename Tile::Element, Tile::kWidth>(sums, from + threadIdx.x / 128 * 64 * kSwizzleBytes,
                                                       from + Tile::kTokenBytes, ScaleOut::Zero);
    cute::warpgroup_commit_batch();
  }

  // Adds the products of the stage that runs, once only `later` stages after it run.
  template <int kLater>
  __device__ __forceinline__ void add(Sums& total, Sums& sums) {
    const int token = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
    const float scale_b = header.scale_b[running];
    const float scale[2] = {header.scale_a[running][token] * scale_b, header.scale_a[running][token + 8] * scale_b};
    cute::warpgroup_wait<kLater>();
    fence_sums(sums);
    __syncwarp();  // all lanes have read the scales
    release<Tile>(&header.empty[running]);
#pragma unroll
    for (int i = 0; i < Tile::kSums; ++i) total[i] = fmaf(sums[i], scale[i / 2 % 2], total[i]);
  }

  __device__ __forceinline__ void advance() {
    running = slot.stage;
    slot.advance(Tile::kStages);
  }

  // kSteps steps, in turns through two sets of sums. None runs on into the next burst: ptxas waits for every product
  // where sums are read in another turn of a loop than the one that started them (its C7514).
  template <int kSteps>
  __device__ __forceinline__ void burst(Sums& total, Sums& even, Sums& odd) {
    static_assert(kSteps % 2 == 0);
    start(even);
    advance();
#pragma unroll
    for (int i = 0; i < kSteps / 2; ++i) {
      start(odd);
      add<1>(total, even);
      advance();
      if (i + 1 == kSteps / 2) break;
      start(even);
      add<1>(total, odd);
      advance();
    }
    add<0>(total, odd);
  }

  // An even number of steps.
  __device__ __forceinline__ void run(Sums& total, Sums& even, Sums& odd, int steps) {
    int step = 0;
#pragma unroll 1
    for (; step + 8 <= steps; step += 8) burst<8>(total, even, odd);
#pragma unroll 1
    for (; step < steps; step += 2) burst<2>(total, even, odd);
  }
};

template <typename Tile>
__device__ __forceinline__ void consume(BlockwiseHeader<Tile>& header, const uint8_t* stages, uint8_t* out,
                                        const CUtensorMap& out_map, const BlockwiseParams& params) {
  Multiplier<Tile> multiplier{header, stages};
  StoreBuffers<Tile> buffers(out);
  float even[Tile::kSums] = {}, odd[Tile::kSums] = {};
  for_each_tile<Tile>(params.grid, [&](Position at) {
    float total[Tile::kSums] = {};
    multiplier.run(total, even, odd, params.grid.k_steps);
    store<Tile>(buffers, out_map, at, [&](int group, uint32_t* packed) {
      const float* sums = &total[4 * group];
      packed[0] = pack<typename Tile::Out>(sums[0], sums[1]);
      packed[1] = pack<typename Tile::Out>(sums[2], sums[3]);
    });
  });
  if (threadIdx.x % 128 == 0) cute::tma_store_wait<0>();
}

template <typename Tile>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    blockwise_scaled_mm(const __grid_constant__ CUtensorMap tokens, const __grid_constant__ CUtensorMap weights,
                        const __grid_constant__ CUtensorMap out_map, const __grid_constant__ BlockwiseParams params) {
  extern __shared__ uint8_t shared[];
  uint8_t* stages = align_for_swizzle(shared);
  uint8_t* out = stages + Tile::kStages * Tile::kStageBytes;
  auto& header = *reinterpret_cast<BlockwiseHeader<Tile>*>(out + Tile::kOutBytes);
  if (threadIdx.x == 0) initialize<Tile>(header.full, header.empty, 1 + 32);
  if (threadIdx.x == Tile::kConsumers) {
    cute::prefetch_tma_descriptor(&tokens);
    cute::prefetch_tma_descriptor(&weights);
    cute::prefetch_tma_descriptor(&out_map);
  }
  cute::cluster_sync();
  if (threadIdx.x >= Tile::kConsumers) {
    cutlass::arch::warpgroup_reg_dealloc<56>();
    if (threadIdx.x == Tile::kConsumers) produce<Tile>(tokens, weights, header, stages, params.grid);
    if (threadIdx.x / 32 == Tile::kConsumers / 32 + 1) produce_scales<Tile>(header, params);
  } else {
    cutlass::arch::warpgroup_reg_alloc<224>();
    consume<Tile>(header, stages, out, out_map, params);
  }
  __syncwarp();
  cute::cluster_sync();  // the other CTA writes to this one's shared memory until it is done
}

template <typename Tile>
Status launch_blockwise(const BlockwiseScaledMmProblem& p, const Device& device, int panel,
                        cudaStream_t stream) {
  CUtensorMap tokens, weights, out;
  Status status = make_byte_matrix_map(&tokens, p.a, p.m, p.k, p.lda, Tile::kTokensFetched);
  if (status.ok()) status = make_byte_matrix_map(&weights, p.b, p.n, p.k, p.ldb, Tile::kWeightsFetched);
  if (status.ok()) status = make_out_map(&out, p.out, p.m, p.n, 64);
  if (!status.ok()) return status;

  BlockwiseParams params{p, grid_of<Tile>(p.m, p.n, p.k, panel)};
  params.grid.k_steps += params.grid.k_steps % 2;  // a step beyond k adds zeros
  const LaunchShape shape{ctas_of<Tile>(params.grid, device.sm_count), Tile::kThreads,
                          blockwise_shared_memory<Tile>(), Tile::kCluster};
  return launch_kernel<blockwise_scaled_mm<Tile>>(device, shape, stream, tokens, weights, out, params);
}

}  // namespace warpwright::persistent
