// A matrix product with block scales for many rows of a on sm_90a. A stage's 128 elements of k are one block of the
// scales: its products are summed in the tensor core, and added, scaled, to an accumulator in float32 while the
// products of the next stage run.
#pragma once

#include "warpwright/gemm/block_scales.cuh"
#include "warpwright/gemm/blockwise_scaled_mm.h"
#include "warpwright/gemm/cooperative_epilogue.cuh"
#include "warpwright/gemm/cooperative_tile.cuh"
#include "warpwright/gemm/tensor_map.h"
#include "warpwright/gemm/tiles_sm90a.h"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::cooperative {

template <typename Tile>
struct BlockwisePipeline {
  static_assert(Tile::kBlockK == kScaleBlock);
  float scale_a[Tile::kStages][Tile::kBlockM], scale_b[Tile::kStages];
  uint64_t full_barrier[Tile::kStages], empty_barrier[Tile::kStages];
};

struct BlockwiseParams {
  BlockwiseScaledMmProblem problem;
  TileScheduler scheduler;
};

// A warp of its own fetches the scales.
template <typename Tile>
__device__ __forceinline__ void produce_scales(BlockwisePipeline<Tile>& pipeline, const BlockwiseParams& params) {
  PipelineState state;
  for_each_tile<Tile>(params.scheduler, [&](TileCoord at) {
    BlockScaleLoader<Tile::kBlockM> scales(params.problem, at.m, at.n, 0);
    for (int k_block = 0; k_block < params.scheduler.k_blocks; ++k_block) {
      cutlass::arch::ClusterBarrier::wait(&pipeline.empty_barrier[state.stage], state.phase ^ 1);
      scales.fetch(pipeline.scale_a[state.stage], &pipeline.scale_b[state.stage]);
      cutlass::arch::cpasync_barrier_arrive_noinc(&pipeline.full_barrier[state.stage]);
      state.advance(Tile::kStages);
    }
  });
}

// A math warpgroup's way through the stages.
template <typename Tile>
struct Mainloop {
  using Accum = float[Tile::kAccums];

  BlockwisePipeline<Tile>& pipeline;
  const uint8_t* stages;
  PipelineState state{};
  int running = 0;  // the stage whose products run

  // Starts the products of the next stage.
  __device__ __forceinline__ void start(Accum& accum) {
    cutlass::arch::ClusterBarrier::wait(&pipeline.full_barrier[state.stage], state.phase);
    const uint8_t* from = stages + state.stage * Tile::kStageBytes;
    fence_accum(accum);
    cute::warpgroup_arrive();
    wgmma_k128<typename Tile::Element, Tile::kBlockN>(accum, from + threadIdx.x / 128 * 64 * kSwizzleBytes,
                                                      from + Tile::kOffsetOfB, ScaleOut::Zero);
    cute::warpgroup_commit_batch();
  }

  // Adds the products of the stage that runs, once only `kLater` stages after it run.
  template <int kLater>
  __device__ __forceinline__ void add(Accum& final_accum, Accum& accum) {
    const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
    const float scale_b = pipeline.scale_b[running];
    const float scale[2] = {pipeline.scale_a[running][row] * scale_b, pipeline.scale_a[running][row + 8] * scale_b};
    cute::warpgroup_wait<kLater>();
    fence_accum(accum);
    __syncwarp();  // all lanes have read the scales
    release<Tile>(&pipeline.empty_barrier[running]);
#pragma unroll
    for (int i = 0; i < Tile::kAccums; ++i) final_accum[i] = fmaf(accum[i], scale[i / 2 % 2], final_accum[i]);
  }

  __device__ __forceinline__ void advance() {
    running = state.stage;
    state.advance(Tile::kStages);
  }

  // kBlocks blocks of k, in turns through two accumulators. None runs on into the next burst: ptxas waits for every
  // product where an accumulator is read in another turn of a loop than the one that started it (its C7514).
  template <int kBlocks>
  __device__ __forceinline__ void burst(Accum& final_accum, Accum& even, Accum& odd) {
    static_assert(kBlocks % 2 == 0);
    start(even);
    advance();
#pragma unroll
    for (int i = 0; i < kBlocks / 2; ++i) {
      start(odd);
      add<1>(final_accum, even);
      advance();
      if (i + 1 == kBlocks / 2) break;
      start(even);
      add<1>(final_accum, odd);
      advance();
    }
    add<0>(final_accum, odd);
  }

  // An even number of blocks of k.
  __device__ __forceinline__ void run(Accum& final_accum, Accum& even, Accum& odd, int k_blocks) {
    int k_block = 0;
#pragma unroll 1
    for (; k_block + 8 <= k_blocks; k_block += 8) burst<8>(final_accum, even, odd);
#pragma unroll 1
    for (; k_block < k_blocks; k_block += 2) burst<2>(final_accum, even, odd);
  }
};

template <typename Tile>
__device__ __forceinline__ void consume(BlockwisePipeline<Tile>& pipeline, const uint8_t* stages, uint8_t* out,
                                        const CUtensorMap& map_out, const BlockwiseParams& params) {
  Mainloop<Tile> mainloop{pipeline, stages};
  StoreBuffers<Tile> buffers(out);
  float even[Tile::kAccums] = {}, odd[Tile::kAccums] = {};
  for_each_tile<Tile>(params.scheduler, [&](TileCoord at) {
    float final_accum[Tile::kAccums] = {};
    mainloop.run(final_accum, even, odd, params.scheduler.k_blocks);
    epilogue<Tile>(buffers, map_out, at, [&](int group, uint32_t* packed) {
      const float* accum = &final_accum[4 * group];
      packed[0] = pack<typename Tile::Out>(accum[0], accum[1]);
      packed[1] = pack<typename Tile::Out>(accum[2], accum[3]);
    });
  });
  if (threadIdx.x % 128 == 0) cute::tma_store_wait<0>();
}

template <typename Tile>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    blockwise_scaled_mm(const __grid_constant__ CUtensorMap map_a, const __grid_constant__ CUtensorMap map_b,
                        const __grid_constant__ CUtensorMap map_out, const __grid_constant__ BlockwiseParams params) {
  extern __shared__ uint8_t shared[];
  using Storage = SharedStorage<Tile, BlockwisePipeline>;
  uint8_t* stages = align_for_swizzle(shared);
  uint8_t* out = stages + offsetof(Storage, out);
  auto& pipeline = *reinterpret_cast<BlockwisePipeline<Tile>*>(stages + offsetof(Storage, pipeline));
  if (threadIdx.x == 0) initialize<Tile>(pipeline.full_barrier, pipeline.empty_barrier, 1 + 32);
  if (threadIdx.x == Tile::kMathThreads) {
    cute::prefetch_tma_descriptor(&map_a);
    cute::prefetch_tma_descriptor(&map_b);
    cute::prefetch_tma_descriptor(&map_out);
  }
  cute::cluster_sync();
  if (threadIdx.x >= Tile::kMathThreads) {
    cutlass::arch::warpgroup_reg_dealloc<56>();
    if (threadIdx.x == Tile::kMathThreads) produce<Tile>(map_a, map_b, pipeline, stages, params.scheduler);
    if (threadIdx.x / 32 == Tile::kMathThreads / 32 + 1) produce_scales<Tile>(pipeline, params);
  } else {
    cutlass::arch::warpgroup_reg_alloc<224>();
    consume<Tile>(pipeline, stages, out, map_out, params);
  }
  __syncwarp();
  cute::cluster_sync();  // the other CTA writes to this one's shared memory until it is done
}

template <typename Tile>
Status launch_blockwise(const BlockwiseScaledMmProblem& p, const Device& device, const Sm90aPlan& plan,
                        cudaStream_t stream) {
  CUtensorMap map_a, map_b, map_out;
  Status status = make_byte_matrix_map(&map_a, p.a, p.m, p.k, p.lda, Tile::kLoadBlockM);
  if (status.ok()) status = make_byte_matrix_map(&map_b, p.b, p.n, p.k, p.ldb, Tile::kLoadBlockN);
  if (status.ok()) status = make_out_map(&map_out, p.out, p.m, p.n, Tile::kStoreBlockM);
  if (!status.ok()) return status;

  BlockwiseParams params{p, make_scheduler<Tile>(p.m, p.n, p.k, plan.swizzle_size)};
  params.scheduler.k_blocks += params.scheduler.k_blocks % 2;  // a block beyond k adds zeros
  const LaunchShape shape{grid_of<Tile>(params.scheduler, device.sm_count), Tile::kThreads,
                          SharedStorage<Tile, BlockwisePipeline>::bytes(), Tile::kClusterSize};
  return launch_kernel<blockwise_scaled_mm<Tile>>(device, shape, stream, map_a, map_b, map_out, params);
}

}  // namespace warpwright::cooperative
