// A scaled matrix product for many rows of a on sm_90a. The scales of a tile are fetched while its products run, and
// the output leaves by TMA while those of the next tile do.
#pragma once

#include "warpwright/gemm/cooperative_epilogue.cuh"
#include "warpwright/gemm/cooperative_tile.cuh"
#include "warpwright/gemm/scaled_mm.h"
#include "warpwright/gemm/tensor_map.h"
#include "warpwright/gemm/tiles_sm90a.h"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::cooperative {

template <typename Tile>
struct Pipeline {
  uint64_t full_barrier[Tile::kStages], empty_barrier[Tile::kStages];
};

struct Params {
  ScaledMmProblem problem;
  TileScheduler scheduler;
};

template <typename Tile>
__device__ __forceinline__ void mainloop(typename Tile::Accum (&accum)[Tile::kAccums], Pipeline<Tile>& pipeline,
                                         const uint8_t* stages, PipelineState& state, int k_blocks) {
  const int warpgroup = threadIdx.x / 128;
#pragma unroll
  for (int i = 0; i < Tile::kAccums; ++i) accum[i] = 0;
  fence_accum(accum);
  int previous = -1;
  for (int k_block = 0; k_block < k_blocks; ++k_block) {
    cutlass::arch::ClusterBarrier::wait(&pipeline.full_barrier[state.stage], state.phase);
    const uint8_t* from = stages + state.stage * Tile::kStageBytes;
    cute::warpgroup_arrive();
    wgmma_k128<typename Tile::Element, Tile::kBlockN>(accum, from + warpgroup * 64 * kSwizzleBytes,
                                                      from + Tile::kOffsetOfB);
    cute::warpgroup_commit_batch();
    cute::warpgroup_wait<1>();
    if (previous >= 0) release<Tile>(&pipeline.empty_barrier[previous]);
    previous = state.stage;
    state.advance(Tile::kStages);
  }
  cute::warpgroup_wait<0>();
  fence_accum(accum);
  release<Tile>(&pipeline.empty_barrier[previous]);
}

// The scales of a tile, fetched before its products run. A warp keeps those of all columns in its registers, which are
// free for longer than shared memory is: each lane two neighbours of every 64.
template <typename Tile>
struct Scales {
  static constexpr int kPairs = Tile::kBlockN / 64;
  float2 b[kPairs], bias[kPairs];
  float a[2];

  __device__ __forceinline__ Scales(const ScaledMmProblem& p, TileCoord at) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      const int64_t n = int64_t(at.n) + i * 64 + lane * 2;
      const bool inside = n < p.n;
      b[i] = inside ? pair_of(p.scale_b, n) : float2{};
      bias[i] = inside && p.bias != nullptr ? bias_pair(p, n) : float2{};
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int64_t m = int64_t(at.m) + threadIdx.x / 32 * 16 + lane / 4 + i * 8;
      a[i] = m < p.m ? p.scale_a.data[p.scale_a.per_tensor ? 0 : m] : 0.f;
    }
  }
  static __device__ __forceinline__ float2 pair_of(const Scale& scale, int64_t n) {
    return scale.per_tensor ? float2{scale.data[0], scale.data[0]} : float2{scale.data[n], scale.data[n + 1]};
  }
  static __device__ __forceinline__ float2 bias_pair(const ScaledMmProblem& p, int64_t n) {
    const auto* bias = static_cast<const typename Tile::Out*>(p.bias) + n;
    return {float(bias[0]), float(bias[1])};
  }

  // The pair for this thread's columns of a group of eight, from the lane that has it.
  static __device__ __forceinline__ float2 exchange(const float2 (&values)[kPairs], int group) {
    const int from = group % 8 * 4 + threadIdx.x % 4;
    const float2 value = values[group / 8];
    return {__shfl_sync(~0u, value.x, from), __shfl_sync(~0u, value.y, from)};
  }

  __device__ __forceinline__ void pack_group(const typename Tile::Accum* accum, int group, uint32_t* packed) const {
    const float2 scale = exchange(b, group), offset = exchange(bias, group);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      packed[i] = pack<typename Tile::Out>(fmaf(a[i], as_float(accum[2 * i]) * scale.x, offset.x),
                                           fmaf(a[i], as_float(accum[2 * i + 1]) * scale.y, offset.y));
    }
  }
};

template <typename Tile>
__device__ __forceinline__ void consume(Pipeline<Tile>& pipeline, const uint8_t* stages, uint8_t* out,
                                        const CUtensorMap& map_out, const Params& params) {
  PipelineState state;
  StoreBuffers<Tile> buffers(out);
  for_each_tile<Tile>(params.scheduler, [&](TileCoord at) {
    const Scales<Tile> scales(params.problem, at);
    typename Tile::Accum accum[Tile::kAccums];
    mainloop<Tile>(accum, pipeline, stages, state, params.scheduler.k_blocks);
    epilogue<Tile>(buffers, map_out, at,
                   [&](int group, uint32_t* packed) { scales.pack_group(&accum[4 * group], group, packed); });
  });
  if (threadIdx.x % 128 == 0) cute::tma_store_wait<0>();
}

template <typename Tile>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    scaled_mm(const __grid_constant__ CUtensorMap map_a, const __grid_constant__ CUtensorMap map_b,
              const __grid_constant__ CUtensorMap map_out, const __grid_constant__ Params params) {
  extern __shared__ uint8_t shared[];
  using Storage = SharedStorage<Tile, Pipeline>;
  uint8_t* stages = align_for_swizzle(shared);
  uint8_t* out = stages + offsetof(Storage, out);
  auto& pipeline = *reinterpret_cast<Pipeline<Tile>*>(stages + offsetof(Storage, pipeline));
  if (threadIdx.x == 0) initialize<Tile>(pipeline.full_barrier, pipeline.empty_barrier, 1);
  if (threadIdx.x == Tile::kMathThreads) {
    cute::prefetch_tma_descriptor(&map_a);
    cute::prefetch_tma_descriptor(&map_b);
    cute::prefetch_tma_descriptor(&map_out);
  }
  cute::cluster_sync();
  if (threadIdx.x >= Tile::kMathThreads) {
    cutlass::arch::warpgroup_reg_dealloc<40>();
    if (threadIdx.x == Tile::kMathThreads) produce<Tile>(map_a, map_b, pipeline, stages, params.scheduler);
  } else {
    cutlass::arch::warpgroup_reg_alloc<232>();
    consume<Tile>(pipeline, stages, out, map_out, params);
  }
  __syncwarp();
  cute::cluster_sync();  // the other CTA writes to this one's shared memory until it is done
}

template <typename Tile>
Status launch(const ScaledMmProblem& p, const Device& device, const Sm90aPlan& plan, cudaStream_t stream) {
  CUtensorMap map_a, map_b, map_out;
  Status status = make_byte_matrix_map(&map_a, p.a, p.m, p.k, p.lda, Tile::kLoadBlockM);
  if (status.ok()) status = make_byte_matrix_map(&map_b, p.b, p.n, p.k, p.ldb, Tile::kLoadBlockN);
  if (status.ok()) status = make_out_map(&map_out, p.out, p.m, p.n, Tile::kStoreBlockM);
  if (!status.ok()) return status;

  const Params params{p, make_scheduler<Tile>(p.m, p.n, p.k, plan.swizzle_size)};
  const LaunchShape shape{grid_of<Tile>(params.scheduler, device.sm_count), Tile::kThreads,
                          SharedStorage<Tile, Pipeline>::bytes(), Tile::kClusterSize};
  return launch_kernel<scaled_mm<Tile>>(device, shape, stream, map_a, map_b, map_out, params);
}

}  // namespace warpwright::cooperative
