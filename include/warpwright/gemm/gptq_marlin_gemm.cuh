// The weight-only product for few rows of a: it takes as long as its weights take to arrive.
//
// A CTA has 128 columns and up to 32 rows of out. Its eight warps slice its k (sliced-K), and each has a pipeline of
// its own, a few blocks of k ahead of the tensor cores. Swap-AB: the weights are operand A of mma.m16n8k16, because
// Marlin's order makes a lane's word what it needs of 16 columns, and eight rows of a are enough for operand B. The
// warps' accumulators are reduced in shared memory, and those of the CTAs that split k between them in a cluster (SM
// 9.0) or in a workspace that a second kernel adds up (SM 8.x).
#pragma once

#include <cooperative_groups.h>

#include "warpwright/gemm/marlin_pipeline.cuh"
#include "warpwright/gemm/mma_16816.cuh"

namespace warpwright {

// Where the CTAs that split k are reduced.
enum class MarlinSplitK { kCluster, kWorkspace };

// A warp's accumulators: of 16 columns and eight rows each, as mma.m16n8k16 has them.
template <int kBlockM>
using MarlinAccum = float[MarlinTileOf<kBlockM>::kTile.tiles_n()][4][kBlockM / 8][4];

template <typename T>
__device__ __forceinline__ T marlin_scale(const uint4& scales, int i) {
  return reinterpret_cast<const T*>(&scales)[i];
}

// Adds the products of one stage to the accumulators.
template <typename T, int kBlockM, bool kZeros>
__device__ __forceinline__ void marlin_multiply(MarlinAccum<kBlockM>& accum,
                                                const MarlinPipeline<T, kBlockM, kZeros>& pipeline, int stage,
                                                int lane) {
  uint32_t rows[kBlockM / 8][2];
  pipeline.read_a(rows, stage);
#pragma unroll
  for (int tile = 0; tile < pipeline.kTilesN; ++tile) {
    uint32_t words[4];
    pipeline.read_b(words, stage, tile);
    const uint32_t zeros = kZeros ? pipeline.read_zeros(stage, tile, lane) : 0x88888888;
    const uint4 scales = pipeline.read_scales(stage, tile, lane);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      uint32_t a[4];  // rows are columns of the weights: lane / 4 and eight on, then the same of the second half of k
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int column = 2 * j + i % 2;
        const auto zero = raised_zero<T>(kZeros ? marlin::zero_of(zeros, column) : 8u);
        const auto whole = __hsub2(raised<T>(words[j] >> (8 * (i % 2) + 4 * (i / 2))), zero);
        a[i] = as_bits(__hmul2(whole, both(marlin_scale<T>(scales, column))));
      }
#pragma unroll
      for (int group = 0; group < kBlockM / 8; ++group) {
        mma_16816<T>(accum[tile][j][group], a, rows[group][0], rows[group][1]);
      }
    }
  }
}

// All of a warp's blocks of k. A stage is filled anew once the whole warp has read it.
template <typename T, int kBlockM, bool kZeros>
__device__ __forceinline__ void marlin_mainloop(MarlinAccum<kBlockM>& accum,
                                                MarlinPipeline<T, kBlockM, kZeros>& pipeline, int k_blocks, int lane) {
  constexpr int kStages = MarlinTileOf<kBlockM>::kTile.stages;
#pragma unroll
  for (int stage = 0; stage < kStages; ++stage) pipeline.fetch(stage);
  for (int done = 0; done < k_blocks; done += kStages) {
#pragma unroll
    for (int stage = 0; stage < kStages; ++stage) {
      if (done + stage >= k_blocks) break;
      await_copies<kStages - 1>();
      __syncwarp();
      marlin_multiply<T, kBlockM, kZeros>(accum, pipeline, stage, lane);
      __syncwarp();
      pipeline.fetch(stage);
    }
  }
}

// Adds the warps' accumulators of some tiles up, in the warps' order, in the first warp's place in shared memory.
template <int kBlockM>
__device__ __forceinline__ void marlin_reduce_warps(float* shared, const MarlinAccum<kBlockM>& accum, int first_tile,
                                                    int warp, int lane) {
  using Storage = MarlinSharedStorage<kBlockM>;
  constexpr int kOfWarp = sizeof(Storage::accum[0]) / 4, kStride = sizeof(Storage::accum[0][0]) / 4;  // in floats
  float* own = shared + warp * kOfWarp + lane % 4 * 2 * kStride + lane / 4;
#pragma unroll
  for (int tile = 0; tile < Storage::kTile.reduced_tiles(); ++tile) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int i = 0; i < kBlockM / 8 * 4; ++i) {
        const int row = i / 4 * 8 + i % 2, column = 64 * tile + 16 * j + i % 4 / 2 * 8;
        own[row * kStride + column] = accum[first_tile + tile][j][i / 4][i % 4];
      }
    }
  }
  __syncthreads();
  auto* vectors = reinterpret_cast<float4*>(shared);
  for (int i = threadIdx.x; i < kOfWarp / 4; i += kMarlinThreads) {
    float4 total = vectors[i];
#pragma unroll
    for (int w = 1; w < kMarlinWarps; ++w) {
      const float4 other = vectors[w * (kOfWarp / 4) + i];
      total.x += other.x, total.y += other.y, total.z += other.z, total.w += other.w;
    }
    vectors[i] = total;
  }
  __syncthreads();
}

// Adds the CTAs of a cluster up: each takes its share of the sums from all of them.
template <typename Store>
__device__ __forceinline__ void marlin_reduce_cluster(float* shared, int columns, int stride, int count, Store store) {
  namespace cg = cooperative_groups;
  cg::cluster_group cluster = cg::this_cluster();
  const int split_k = int(cluster.num_blocks()), rank = int(cluster.block_rank());
  cluster.sync();
  for (int i = rank * kMarlinThreads + threadIdx.x; i < count; i += split_k * kMarlinThreads) {
    const int row = i / columns, column = i % columns;
    float total = 0;
    for (int other = 0; other < split_k; ++other) {
      total += cluster.map_shared_rank(shared, other)[row * stride + column];
    }
    store(row, column, total);
  }
  cluster.sync();  // a CTA's shared memory is there until the last one has read it
}

// Reduces some tiles over the warps and the cluster, and stores them.
template <int kBlockM, MarlinSplitK kSplitK, typename Store>
__device__ __forceinline__ void marlin_epilogue(float* shared, const MarlinAccum<kBlockM>& accum, int first_tile,
                                                int warp, int lane, int split_k, Store store) {
  using Storage = MarlinSharedStorage<kBlockM>;
  constexpr int kColumns = Storage::kTile.reduced_columns(), kCount = kBlockM * kColumns;
  constexpr int kStride = sizeof(Storage::accum[0][0]) / 4;
  __syncthreads();  // the stages, or the sums before, have been read
  marlin_reduce_warps<kBlockM>(shared, accum, first_tile, warp, lane);
  if constexpr (kSplitK == MarlinSplitK::kCluster) {
    if (split_k > 1) {
      marlin_reduce_cluster(shared, kColumns, kStride, kCount, store);
      return;
    }
  }
  for (int i = threadIdx.x; i < kCount; i += kMarlinThreads) {
    store(i / kColumns, i % kColumns, shared[i / kColumns * kStride + i % kColumns]);
  }
}

template <typename T, int kBlockM, bool kZeros, MarlinSplitK kSplitK>
__global__ void __launch_bounds__(kMarlinThreads, MarlinTileOf<kBlockM>::kTile.ctas_per_sm)
    gptq_marlin_gemm_kernel(MarlinGemmProblem p, int k_blocks, int split_k, float* partial) {
  constexpr MarlinTile kTile = MarlinTileOf<kBlockM>::kTile;
  extern __shared__ __align__(16) uint8_t marlin_shared[];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const unsigned part = blockIdx.x % unsigned(split_k), tile = blockIdx.x / unsigned(split_k);
  const unsigned tiles_n = unsigned((p.n + kTile.block_n - 1) / kTile.block_n);
  const int64_t n0 = int64_t(tile % tiles_n) * kTile.block_n, m0 = int64_t(tile / tiles_n) * kBlockM;
  const int first = int(part * kMarlinWarps + warp) * k_blocks, end = int(p.k / kMarlinWarpK);

  MarlinAccum<kBlockM> accum = {};
  if (first < end) {
    const int own = first + k_blocks < end ? k_blocks : end - first;
    const uint8_t* stages = marlin_shared + warp * int(sizeof(MarlinSharedStorage<kBlockM>::stages[0]));
    MarlinPipeline<T, kBlockM, kZeros> pipeline(p, m0, n0, first, own, lane, stages);
    marlin_mainloop(accum, pipeline, own, lane);
  }
  auto* shared = reinterpret_cast<float*>(marlin_shared);
#pragma unroll
  for (int first_tile = 0; first_tile < kTile.tiles_n(); first_tile += kTile.reduced_tiles()) {
    const auto store = [&](int row, int column, float total) {
      const int64_t m = m0 + row, n = n0 + 64 * first_tile + column;
      if (m >= p.m || n >= p.n) return;
      if (partial == nullptr) {
        static_cast<T*>(p.out)[m * p.ldo + n] = T(total);
      } else {
        partial[(int64_t(part) * p.m + m) * p.n + n] = total;
      }
    };
    marlin_epilogue<kBlockM, kSplitK>(shared, accum, first_tile, warp, lane, split_k, store);
  }
}

template <typename T>
__global__ void gptq_marlin_gemm_add_kernel(MarlinGemmProblem p, const float* partial, int split_k) {
  const int64_t count = p.m * p.n;
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    float total = 0;
    for (int part = 0; part < split_k; ++part) total += partial[part * count + i];
    static_cast<T*>(p.out)[i / p.n * p.ldo + i % p.n] = T(total);
  }
}

}  // namespace warpwright
