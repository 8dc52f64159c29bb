// A matrix product with block scales for few tokens on sm_90a. Each box of 128 bytes of k is one block of the scales:
// its products are summed in the tensor core, and added, scaled, to sums in float32.
#pragma once

#include "warpwright/gemm/block_scales.cuh"
#include "warpwright/gemm/blockwise_scaled_mm.h"
#include "warpwright/launch_kernel.cuh"
#include "warpwright/gemm/blockwise_scaled_mm_tiles_sm90a.h"
#include "warpwright/gemm/streaming_tile.cuh"
#include "warpwright/gemm/tensor_map.h"

namespace warpwright::streaming {

struct BlockwiseParams {
  BlockwiseScaledMmProblem problem;
  int k_steps = 0;  // stages' worth of k
  int stages = 0;
};

// The scales of one stage, which come with its operands.
template <typename Tile>
struct alignas(16) StageScales {
  float a[Tile::kBoxes][Tile::kTokens], b[Tile::kBoxes];
};

// total += sums * scales, for a thread's part of the tile: two tokens of every eight.
template <typename Tile, int kSize>
__device__ __forceinline__ void add_scaled(float (&total)[kSize], const float (&sums)[kSize],
                                           const StageScales<Tile>& scales, int box) {
  const float scale_b = scales.b[box];
#pragma unroll
  for (int group = 0; group < Tile::kGroups; ++group) {
    const float2 a = *reinterpret_cast<const float2*>(&scales.a[box][group * 8 + threadIdx.x % 4 * 2]);
    const float scale[2] = {a.x * scale_b, a.y * scale_b};
#pragma unroll
    for (int i = 0; i < 4; ++i) total[group * 4 + i] = fmaf(sums[group * 4 + i], scale[i % 2], total[group * 4 + i]);
  }
}

// A warpgroup: multiplies what arrives, a block at a time. Other warpgroups of the SM use the tensor cores while it adds.
template <typename Tile, int kSize>
__device__ __forceinline__ void consume(float (&total)[kSize], Header& header, const uint8_t* stages,
                                        const StageScales<Tile>* scales, int count, int steps) {
  const uint8_t* first = stages + threadIdx.x / 128 * 64 * kSwizzleBytes;
  float sums[kSize] = {};
  Slot slot;
  for (int step = 0; step < steps; ++step) {
    cutlass::arch::ClusterBarrier::wait(&header.full[slot.stage], slot.phase);
    const uint8_t* weights = first + slot.stage * Tile::kStageBytes;
    const uint8_t* tokens = stages + slot.stage * Tile::kStageBytes + Tile::kBoxes * Tile::kWeightBytes;
#pragma unroll
    for (int box = 0; box < Tile::kBoxes; ++box) {
      fence_sums(sums);
      cute::warpgroup_arrive();
      multiply_box<typename Tile::Element, Tile::kTokens>(sums, weights + box * Tile::kWeightBytes,
                                                          tokens + box * Tile::kTokenBytes, ScaleOut::Zero);
      cute::warpgroup_commit_batch();
      cute::warpgroup_wait<0>();
      fence_sums(sums);
      add_scaled<Tile>(total, sums, scales[slot.stage], box);
    }
    __syncwarp();  // all lanes have read the scales
    release(&header.empty[slot.stage]);
    slot.advance(count);
  }
}

// A warp that fetches the scales of each stage.
template <typename Tile>
__device__ __forceinline__ void produce_scales(const BlockwiseScaledMmProblem& p, Header& header,
                                               StageScales<Tile>* scales, Place<Tile> at, int count, int begin,
                                               int end) {
  TileScales<Tile::kTokens> from(p, at.m, at.n, begin * Tile::kBoxes);
  Slot slot;
  for (int step = begin; step < end; ++step) {
    cutlass::arch::ClusterBarrier::wait(&header.empty[slot.stage], slot.phase ^ 1);
#pragma unroll
    for (int box = 0; box < Tile::kBoxes; ++box) from.fetch(scales[slot.stage].a[box], &scales[slot.stage].b[box]);
    cutlass::arch::cpasync_barrier_arrive_noinc(&header.full[slot.stage]);
    slot.advance(count);
  }
}

template <typename Tile>
__global__ void __launch_bounds__(Tile::kConsumers + 64)
    blockwise_scaled_mm(const __grid_constant__ CUtensorMap weights, const __grid_constant__ CUtensorMap tokens,
                        const __grid_constant__ BlockwiseParams params) {
  if constexpr (!Tile::kInStages) cute::cluster_arrive_relaxed();  // from here, the others may write to this CTA
  extern __shared__ uint8_t shared[];
  uint8_t* stages = align_for_swizzle(shared);
  Header& header = *reinterpret_cast<Header*>(stages);
  stages += Tile::kHeaderBytes;
  auto* scales = reinterpret_cast<StageScales<Tile>*>(stages + params.stages * Tile::kStageBytes);
  uint8_t* received =
      Tile::kInStages ? stages : stages + params.stages * (Tile::kStageBytes + int(sizeof(StageScales<Tile>)));
  const BlockwiseScaledMmProblem& p = params.problem;
  const Place<Tile> at(p.m);
  const int begin = at.first_step(params.k_steps), end = at.last_step(params.k_steps), count = at.tokens(p.m);

  const Producer<Tile> producer{weights, tokens, header, stages, at};
  const bool consumes = threadIdx.x < Tile::kConsumers, produces = threadIdx.x == Tile::kConsumers;
  if (produces) producer.start(params.stages, 1 + 32, begin, end);
  __syncthreads();

  if (consumes) {
    float sums[Tile::kTokens / 2] = {};
    consume<Tile>(sums, header, stages, scales, params.stages, end - begin);
    if constexpr (Tile::kInStages) cute::cluster_arrive();
    cute::cluster_wait();
    send_sums<Tile>(sums, received, at, count);
    cute::cluster_sync();
    finish<Tile>(received, at, count, [&](int token, int weight, const float(&total)[4]) {
      if (at.n + weight >= p.n) return;
      store_out(p.out, p.out_dtype, (int64_t(at.m) + token) * p.n + at.n + weight, total);
    });
  } else {
    if (produces) producer.run(params.stages, begin, end);
    if (threadIdx.x >= Tile::kConsumers + 32) {
      produce_scales<Tile>(p, header, scales, at, params.stages, begin, end);
    }
    __syncwarp();
    if constexpr (Tile::kInStages) cute::cluster_arrive();
    cute::cluster_wait();
    cute::cluster_sync();
  }
}

template <typename Tile>
Status launch_blockwise(const BlockwiseScaledMmProblem& p, const Device& device, const Sm90aPlan& plan,
                        cudaStream_t stream) {
  static_assert(Tile::shared_memory(3, 2) + 3 * int(sizeof(StageScales<Tile>)) ==
                sm90a::streaming_shared_memory(
                    sm90a::blockwise_tile("", Tile::kWeights, Tile::kTokens, Tile::kBoxes, 0, 0, 0), 3, 2));
  if (!sm90a::can_stream(plan)) return Status::refused("this tile does not fit the device's shared memory");
  CUtensorMap weights, tokens;
  Status status = make_byte_matrix_map(&weights, p.b, p.n, p.k, p.ldb, Tile::kWeights);
  if (status.ok()) status = make_byte_matrix_map(&tokens, p.a, p.m, p.k, p.lda, Tile::kTokens);
  if (!status.ok()) return status;

  constexpr int64_t kStep = kSwizzleBytes * Tile::kBoxes;
  const BlockwiseParams params{p, int((p.k + kStep - 1) / kStep), plan.stages};
  const LaunchShape shape{grid_of<Tile>(p.m, p.n, plan.split), Tile::kConsumers + 64, plan.shared_memory, plan.split};
  return launch_kernel<blockwise_scaled_mm<Tile>>(device, shape, stream, weights, tokens, params);
}

}  // namespace warpwright::streaming
