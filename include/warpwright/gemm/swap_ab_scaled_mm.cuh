// A scaled matrix product for few rows of a on sm_90a.
#pragma once

#include "warpwright/gemm/scaled_mm.h"
#include "warpwright/gemm/swap_ab_epilogue.cuh"
#include "warpwright/gemm/swap_ab_tile.cuh"
#include "warpwright/gemm/tensor_map.h"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::swap_ab {

struct Params {
  ScaledMmProblem problem;
  int k_blocks = 0;
  int stages = 0;
};

// A math warpgroup: multiplies what arrives. The stage before the current one is released once its products are done.
template <typename Tile, int kSize>
__device__ __forceinline__ void mainloop(typename Tile::Accum (&accum)[kSize], SharedStorage& storage,
                                         const uint8_t* stages, int count, int k_blocks) {
  const int warpgroup = threadIdx.x / 128;
  PipelineState state;
  int previous = -1;
  fence_accum(accum);
  for (int k_block = 0; k_block < k_blocks; ++k_block) {
    cutlass::arch::ClusterBarrier::wait(&storage.full_barrier[state.stage], state.phase);
    const uint8_t* b = stages + state.stage * Tile::kStageBytes;
    const uint8_t* a = b + Tile::kOffsetOfA;
    cute::warpgroup_arrive();
#pragma unroll
    for (int atom = 0; atom < Tile::kAtomsK; ++atom) {
      wgmma_k128<typename Tile::Element, Tile::kBlockM>(
          accum, b + atom * Tile::kAtomBytesOfB + warpgroup * 64 * kSwizzleBytes, a + atom * Tile::kAtomBytesOfA);
    }
    cute::warpgroup_commit_batch();
    cute::warpgroup_wait<1>();
    if (previous >= 0) release(&storage.empty_barrier[previous]);
    previous = state.stage;
    state.advance(count);
  }
  cute::warpgroup_wait<0>();
  fence_accum(accum);
}

// What one thread of the epilogue needs for its four columns, which are the same in all of its rows.
struct ColumnScales {
  float scale_b[4] = {}, bias[4] = {};

  __device__ __forceinline__ ColumnScales(const ScaledMmProblem& p, int64_t n) {
    if (n >= p.n) return;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      scale_b[i] = p.scale_b.data[p.scale_b.per_tensor ? 0 : n + i];
      if (p.bias == nullptr) continue;
      bias[i] = p.out_dtype == Dtype::kFloat16 ? float(static_cast<const cutlass::half_t*>(p.bias)[n + i])
                                               : float(static_cast<const cutlass::bfloat16_t*>(p.bias)[n + i]);
    }
  }
};

// Scales the sums of the tile, and writes the output.
template <typename Tile>
__device__ __forceinline__ void epilogue(const uint8_t* received, const SharedStorage& storage,
                                         const ColumnScales& columns, const ScaledMmProblem& p,
                                         const TileCoord<Tile>& at, int rows) {
  reduce<Tile>(received, at, rows, [&](int row, int column, const typename Tile::Accum(&total)[4]) {
    if (at.n + column >= p.n) return;
    const float scale_a = storage.scale_a[row];
    float value[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) value[i] = fmaf(scale_a, as_float(total[i]) * columns.scale_b[i], columns.bias[i]);
    store_out(p.out, p.out_dtype, (int64_t(at.m) + row) * p.n + at.n + column, value);
  });
}

template <typename Tile>
__global__ void __launch_bounds__(Tile::kMathThreads + 32)
    scaled_mm(const __grid_constant__ CUtensorMap map_b, const __grid_constant__ CUtensorMap map_a,
              const __grid_constant__ Params params) {
  if constexpr (!Tile::kEpilogueReusesStages) cute::cluster_arrive_relaxed();  // others may write to this CTA now
  extern __shared__ uint8_t shared[];
  uint8_t* stages = align_for_swizzle(shared);
  SharedStorage& storage = *reinterpret_cast<SharedStorage*>(stages);
  stages += sizeof(SharedStorage);
  uint8_t* received = Tile::kEpilogueReusesStages ? stages : stages + params.stages * Tile::kStageBytes;
  const ScaledMmProblem& p = params.problem;
  const TileCoord<Tile> at(p.m);
  const int begin = at.first_k_block(params.k_blocks), end = at.last_k_block(params.k_blocks), rows = at.rows(p.m);

  const Producer<Tile> producer{map_b, map_a, storage, stages, at};
  const bool consumes = threadIdx.x < Tile::kMathThreads, produces = threadIdx.x == Tile::kMathThreads;
  if (produces) producer.start(params.stages, 1, begin, end);
  __syncthreads();

  if (consumes) {
    const ColumnScales columns(p, int64_t(at.n) + threadIdx.x % (Tile::kBlockN / 4) * 4);
    float scale_a = 0;
    if (threadIdx.x < rows) scale_a = p.scale_a.data[p.scale_a.per_tensor ? 0 : int64_t(at.m) + threadIdx.x];
    typename Tile::Accum accum[Tile::kBlockM / 2] = {};
    mainloop<Tile>(accum, storage, stages, params.stages, end - begin);
    if (threadIdx.x < rows) storage.scale_a[threadIdx.x] = scale_a;
    if constexpr (Tile::kEpilogueReusesStages) cute::cluster_arrive();
    cute::cluster_wait();
    scatter<Tile>(accum, received, at, rows);
    cute::cluster_sync();
    epilogue<Tile>(received, storage, columns, p, at, rows);
  } else {
    if (produces) producer.run(params.stages, begin, end);
    __syncwarp();
    if constexpr (Tile::kEpilogueReusesStages) cute::cluster_arrive();
    cute::cluster_wait();
    cute::cluster_sync();
  }
}

template <typename Tile>
Status launch(const ScaledMmProblem& p, const Device& device, const Sm90aPlan& plan, cudaStream_t stream) {
  if (!sm90a::can_pipeline(plan)) return Status::refused("this tile does not fit the device's shared memory");
  CUtensorMap map_b, map_a;
  Status status = make_byte_matrix_map(&map_b, p.b, p.n, p.k, p.ldb, Tile::kBlockN);
  if (status.ok()) status = make_byte_matrix_map(&map_a, p.a, p.m, p.k, p.lda, Tile::kBlockM);
  if (!status.ok()) return status;

  const Params params{p, int((p.k + Tile::kBlockK - 1) / Tile::kBlockK), plan.stages};
  const LaunchShape shape{grid_of<Tile>(p.m, p.n, plan.split_k), Tile::kMathThreads + 32, plan.shared_memory,
                          plan.split_k};
  return launch_kernel<scaled_mm<Tile>>(device, shape, stream, map_b, map_a, params);
}

}  // namespace warpwright::swap_ab
