// A scaled matrix product for many tokens on sm_90a, where the tensor cores set the time. The scales of a tile are
// fetched while its products run, and the output leaves by TMA while those of the next tile do.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/gemm/persistent_tile.cuh"
#include "warpwright/gemm/scaled_mm.h"
#include "warpwright/gemm/tensor_map.h"

namespace warpwright::persistent {

// At the end of shared memory, behind the stages and the output.
template <typename Tile>
struct Header {
  uint64_t full[Tile::kStages], empty[Tile::kStages];
};

template <typename Tile>
constexpr int shared_memory() {
  return kSwizzleAlignment + Tile::kStages * Tile::kStageBytes + Tile::kOutBytes + int(sizeof(Header<Tile>));
}

struct Params {
  ScaledMmProblem problem;
  TileGrid grid;
};

template <typename Tile>
__device__ __forceinline__ void produce(const CUtensorMap& tokens, const CUtensorMap& weights, Header<Tile>& header,
                                        uint8_t* stages, const TileGrid& grid) {
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

// The scales of a tile, fetched before its products run. A warp keeps those of all weights in its registers, which are
// free for longer than shared memory is: each lane two neighbours of every 64.
template <typename Tile>
struct Scales {
  static constexpr int kBlocks = Tile::kWidth / Tile::kBlock;
  float2 b[kBlocks], bias[kBlocks];
  float a[2];

  __device__ __forceinline__ Scales(const ScaledMmProblem& p, Position at) {
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < kBlocks; ++i) {
      const int64_t n = int64_t(at.n) + i * Tile::kBlock + lane * 2;
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

  // The pair for this thread's weights of a group of eight, from the lane that has it.
  static __device__ __forceinline__ float2 exchange(const float2 (&values)[kBlocks], int group) {
    const int from = group % 8 * 4 + threadIdx.x % 4;
    const float2 value = values[group / 8];
    return {__shfl_sync(~0u, value.x, from), __shfl_sync(~0u, value.y, from)};
  }

  __device__ __forceinline__ void pack_group(const typename Tile::Sum* sums, int group, uint32_t* packed) const {
    const float2 scale = exchange(b, group), offset = exchange(bias, group);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      packed[i] = pack<typename Tile::Out>(fmaf(a[i], as_float(sums[2 * i]) * scale.x, offset.x),
                                           fmaf(a[i], as_float(sums[2 * i + 1]) * scale.y, offset.y));
    }
  }
};

template <typename Tile>
__device__ __forceinline__ void consume(Header<Tile>& header, const uint8_t* stages, uint8_t* out,
                                        const CUtensorMap& out_map, const Params& params) {
  Slot slot;
  StoreBuffers<Tile> buffers(out);
  for_each_tile<Tile>(params.grid, [&](Position at) {
    const Scales<Tile> scales(params.problem, at);
    typename Tile::Sum sums[Tile::kSums];
    multiply<Tile>(sums, header, stages, slot, params.grid.k_steps);
    store<Tile>(buffers, out_map, at,
                [&](int group, uint32_t* packed) { scales.pack_group(&sums[4 * group], group, packed); });
  });
  if (threadIdx.x % 128 == 0) cute::tma_store_wait<0>();
}

template <typename Tile>
__global__ void __launch_bounds__(Tile::kThreads, 1)
    scaled_mm(const __grid_constant__ CUtensorMap tokens, const __grid_constant__ CUtensorMap weights,
              const __grid_constant__ CUtensorMap out_map, const __grid_constant__ Params params) {
  extern __shared__ uint8_t shared[];
  uint8_t* stages = align_for_swizzle(shared);
  uint8_t* out = stages + Tile::kStages * Tile::kStageBytes;
  Header<Tile>& header = *reinterpret_cast<Header<Tile>*>(out + Tile::kOutBytes);
  if (threadIdx.x == 0) initialize<Tile>(header.full, header.empty, 1);
  if (threadIdx.x == Tile::kConsumers) {
    cute::prefetch_tma_descriptor(&tokens);
    cute::prefetch_tma_descriptor(&weights);
    cute::prefetch_tma_descriptor(&out_map);
  }
  cute::cluster_sync();
  if (threadIdx.x >= Tile::kConsumers) {
    cutlass::arch::warpgroup_reg_dealloc<40>();
    if (threadIdx.x == Tile::kConsumers) produce<Tile>(tokens, weights, header, stages, params.grid);
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
  Status status = make_byte_matrix_map(&tokens, p.a, p.m, p.k, p.lda, Tile::kTokensFetched);
  if (status.ok()) status = make_byte_matrix_map(&weights, p.b, p.n, p.k, p.ldb, Tile::kWeightsFetched);
  if (status.ok()) status = make_out_map(&out, p.out, p.m, p.n, 64);
  if (!status.ok()) return status;

  const Params params{p, grid_of<Tile>(p.m, p.n, p.k, panel)};
  const LaunchShape shape{ctas_of<Tile>(params.grid, device.sm_count), Tile::kThreads, shared_memory<Tile>(),
                          Tile::kCluster};
  return launch_kernel<scaled_mm<Tile>>(device, shape, stream, tokens, weights, out, params);
}

}  // namespace warpwright::persistent
