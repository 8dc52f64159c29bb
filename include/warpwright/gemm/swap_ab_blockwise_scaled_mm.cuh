// A matrix product with block scales for few rows of a on sm_90a. A swizzle atom's 128 elements of k are one block of
// the scales: its products are summed in the tensor core, and added, scaled, to an accumulator in float32.
#pragma once

#include "warpwright/gemm/block_scales.cuh"
#include "warpwright/gemm/blockwise_scaled_mm.h"
#include "warpwright/gemm/swap_ab_epilogue.cuh"
#include "warpwright/gemm/swap_ab_tile.cuh"
#include "warpwright/gemm/tensor_map.h"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::swap_ab {

static_assert(kScaleBlock == kSwizzleBytes);

struct BlockwiseParams {
  BlockwiseScaledMmProblem problem;
  int k_blocks = 0;
  int stages = 0;
};

// The scales of one stage, which come with its operands and stand behind all stages.
template <typename Tile>
struct alignas(16) StageScales {
  float a[Tile::kAtomsK][Tile::kBlockM], b[Tile::kAtomsK];
};

// final_accum += accum * scales, for a thread's part of the tile: two rows of every eight.
template <typename Tile, int kSize>
__device__ __forceinline__ void add_scaled(float (&final_accum)[kSize], const float (&accum)[kSize],
                                           const StageScales<Tile>& scales, int atom) {
  const float scale_b = scales.b[atom];
#pragma unroll
  for (int group = 0; group < Tile::kRowGroups; ++group) {
    const float2 a = *reinterpret_cast<const float2*>(&scales.a[atom][group * 8 + threadIdx.x % 4 * 2]);
    const float scale[2] = {a.x * scale_b, a.y * scale_b};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      final_accum[group * 4 + i] = fmaf(accum[group * 4 + i], scale[i % 2], final_accum[group * 4 + i]);
    }
  }
}

// A math warpgroup: multiplies what arrives, an atom at a time. Others of the SM use the tensor cores while it adds.
template <typename Tile, int kSize>
__device__ __forceinline__ void mainloop(float (&final_accum)[kSize], SharedStorage& storage, const uint8_t* stages,
                                         const StageScales<Tile>* scales, int count, int k_blocks) {
  const uint8_t* first = stages + threadIdx.x / 128 * 64 * kSwizzleBytes;
  float accum[kSize] = {};
  PipelineState state;
  for (int k_block = 0; k_block < k_blocks; ++k_block) {
    cutlass::arch::ClusterBarrier::wait(&storage.full_barrier[state.stage], state.phase);
    const uint8_t* b = first + state.stage * Tile::kStageBytes;
    const uint8_t* a = stages + state.stage * Tile::kStageBytes + Tile::kOffsetOfA;
#pragma unroll
    for (int atom = 0; atom < Tile::kAtomsK; ++atom) {
      fence_accum(accum);
      cute::warpgroup_arrive();
      wgmma_k128<typename Tile::Element, Tile::kBlockM>(accum, b + atom * Tile::kAtomBytesOfB,
                                                        a + atom * Tile::kAtomBytesOfA, ScaleOut::Zero);
      cute::warpgroup_commit_batch();
      cute::warpgroup_wait<0>();
      fence_accum(accum);
      add_scaled<Tile>(final_accum, accum, scales[state.stage], atom);
    }
    __syncwarp();  // all lanes have read the scales
    release(&storage.empty_barrier[state.stage]);
    state.advance(count);
  }
}

// A warp that fetches the scales of each stage.
template <typename Tile>
__device__ __forceinline__ void produce_scales(const BlockwiseScaledMmProblem& p, SharedStorage& storage,
                                               StageScales<Tile>* scales, TileCoord<Tile> at, int count, int begin,
                                               int end) {
  BlockScaleLoader<Tile::kBlockM> from(p, at.m, at.n, begin * Tile::kAtomsK);
  PipelineState state;
  for (int k_block = begin; k_block < end; ++k_block) {
    cutlass::arch::ClusterBarrier::wait(&storage.empty_barrier[state.stage], state.phase ^ 1);
#pragma unroll
    for (int atom = 0; atom < Tile::kAtomsK; ++atom) {
      from.fetch(scales[state.stage].a[atom], &scales[state.stage].b[atom]);
    }
    cutlass::arch::cpasync_barrier_arrive_noinc(&storage.full_barrier[state.stage]);
    state.advance(count);
  }
}

template <typename Tile>
__device__ __forceinline__ void epilogue(const uint8_t* received, const BlockwiseScaledMmProblem& p,
                                         const TileCoord<Tile>& at, int rows) {
  reduce<Tile>(received, at, rows, [&](int row, int column, const float(&total)[4]) {
    if (at.n + column >= p.n) return;
    store_out(p.out, p.out_dtype, (int64_t(at.m) + row) * p.n + at.n + column, total);
  });
}

template <typename Tile>
__global__ void __launch_bounds__(Tile::kMathThreads + 64)
    blockwise_scaled_mm(const __grid_constant__ CUtensorMap map_b, const __grid_constant__ CUtensorMap map_a,
                        const __grid_constant__ BlockwiseParams params) {
  if constexpr (!Tile::kEpilogueReusesStages) cute::cluster_arrive_relaxed();  // others may write to this CTA now
  extern __shared__ uint8_t shared[];
  uint8_t* stages = align_for_swizzle(shared);
  SharedStorage& storage = *reinterpret_cast<SharedStorage*>(stages);
  stages += sizeof(SharedStorage);
  auto* scales = reinterpret_cast<StageScales<Tile>*>(stages + params.stages * Tile::kStageBytes);
  constexpr int kBytes = Tile::kStageBytes + int(sizeof(StageScales<Tile>));
  uint8_t* received = Tile::kEpilogueReusesStages ? stages : stages + params.stages * kBytes;
  const BlockwiseScaledMmProblem& p = params.problem;
  const TileCoord<Tile> at(p.m);
  const int begin = at.first_k_block(params.k_blocks), end = at.last_k_block(params.k_blocks), rows = at.rows(p.m);

  const Producer<Tile> producer{map_b, map_a, storage, stages, at};
  const bool consumes = threadIdx.x < Tile::kMathThreads, produces = threadIdx.x == Tile::kMathThreads;
  if (produces) producer.start(params.stages, 1 + 32, begin, end);
  __syncthreads();

  if (consumes) {
    float accum[Tile::kBlockM / 2] = {};
    mainloop<Tile>(accum, storage, stages, scales, params.stages, end - begin);
    if constexpr (Tile::kEpilogueReusesStages) cute::cluster_arrive();
    cute::cluster_wait();
    scatter<Tile>(accum, received, at, rows);
    cute::cluster_sync();
    epilogue<Tile>(received, p, at, rows);
  } else {
    if (produces) producer.run(params.stages, begin, end);
    if (threadIdx.x >= Tile::kMathThreads + 32) {
      produce_scales<Tile>(p, storage, scales, at, params.stages, begin, end);
    }
    __syncwarp();
    if constexpr (Tile::kEpilogueReusesStages) cute::cluster_arrive();
    cute::cluster_wait();
    cute::cluster_sync();
  }
}

template <typename Tile>
Status launch_blockwise(const BlockwiseScaledMmProblem& p, const Device& device, const Sm90aPlan& plan,
                        cudaStream_t stream) {
  if (!sm90a::can_pipeline(plan)) return Status::refused("this tile does not fit the device's shared memory");
  CUtensorMap map_b, map_a;
  Status status = make_byte_matrix_map(&map_b, p.b, p.n, p.k, p.ldb, Tile::kBlockN);
  if (status.ok()) status = make_byte_matrix_map(&map_a, p.a, p.m, p.k, p.lda, Tile::kBlockM);
  if (!status.ok()) return status;

  const BlockwiseParams params{p, int((p.k + Tile::kBlockK - 1) / Tile::kBlockK), plan.stages};
  const LaunchShape shape{grid_of<Tile>(p.m, p.n, plan.split_k), Tile::kMathThreads + 64, plan.shared_memory,
                          plan.split_k};
  return launch_kernel<blockwise_scaled_mm<Tile>>(device, shape, stream, map_b, map_a, params);
}

}  // namespace warpwright::swap_ab
