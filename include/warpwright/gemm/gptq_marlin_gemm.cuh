// The weight-only product for few tokens: it takes as long as its weights take to arrive.
//
// A block has 64 or 128 columns and up to 32 tokens. Its eight warps split its rows of k, and each streams its operands
// through a ring of its own, a few steps ahead of the tensor cores. The weights are operand a of mma.m16n8k16: Marlin's
// order makes a lane's word what it needs of 16 columns, and eight tokens are enough for operand b. The warps' sums meet in shared memory, and the blocks that split k between them meet in a
// cluster (SM 9.0) or in a workspace that a second kernel adds up (SM 8.x).
#pragma once

#include <cooperative_groups.h>

#include "warpwright/gemm/marlin_pipeline.cuh"
#include "warpwright/gemm/mma_16816.cuh"

namespace warpwright {

enum class MarlinMeeting { kCluster, kWorkspace };

// A warp's sums: of 16 columns and eight tokens each, as mma.m16n8k16 has them.
template <int kTokens>
using MarlinSums = float[marlin_block(kTokens).tiles][4][kTokens / 8][4];

template <typename T>
__device__ __forceinline__ T marlin_scale(const uint4& scales, int i) {
  return reinterpret_cast<const T*>(&scales)[i];
}

// Adds the products of one step to the sums.
template <typename T, int kTokens, bool kZeros>
__device__ __forceinline__ void marlin_multiply(MarlinSums<kTokens>& sums, const MarlinRing<T, kTokens, kZeros>& ring,
                                                int stage, int lane) {
  uint32_t tokens[kTokens / 8][2];
  ring.read_tokens(tokens, stage);
#pragma unroll
  for (int tile = 0; tile < ring.kTiles; ++tile) {
    uint32_t words[4];
    ring.read_weights(words, stage, tile);
    const uint32_t zeros = kZeros ? ring.read_zeros(stage, tile, lane) : 0x88888888;
    const uint4 scales = ring.read_scales(stage, tile, lane);
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
      for (int eight = 0; eight < kTokens / 8; ++eight) {
        mma_16816<T>(sums[tile][j][eight], a, tokens[eight][0], tokens[eight][1]);
      }
    }
  }
}

// All steps of a warp. A stage is filled anew once the whole warp has read it.
template <typename T, int kTokens, bool kZeros>
__device__ __forceinline__ void marlin_run(MarlinSums<kTokens>& sums, MarlinRing<T, kTokens, kZeros>& ring, int steps,
                                           int lane) {
  constexpr int kDepth = marlin_block(kTokens).depth;
#pragma unroll
  for (int d = 0; d < kDepth; ++d) ring.fetch(d);
  for (int done = 0; done < steps; done += kDepth) {
#pragma unroll
    for (int d = 0; d < kDepth; ++d) {
      if (done + d >= steps) break;
      await_copies<kDepth - 1>();
      __syncwarp();
      marlin_multiply<T, kTokens, kZeros>(sums, ring, d, lane);
      __syncwarp();
      ring.fetch(d);
    }
  }
}

// Adds the warps' sums of some tiles up, in the warps' order, in the first warp's place in shared memory.
template <int kTokens>
__device__ __forceinline__ void marlin_add_warps(float* shared, const MarlinSums<kTokens>& sums, int first_tile,
                                                 int warp, int lane) {
  constexpr MarlinBlock kBlock = marlin_block(kTokens);
  float* own = shared + warp * kBlock.sums() + lane % 4 * 2 * kBlock.sum_stride() + lane / 4;
#pragma unroll
  for (int tile = 0; tile < kBlock.sum_tiles(); ++tile) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int i = 0; i < kTokens / 8 * 4; ++i) {
        const int token = i / 4 * 8 + i % 2, column = 64 * tile + 16 * j + i % 4 / 2 * 8;
        own[token * kBlock.sum_stride() + column] = sums[first_tile + tile][j][i / 4][i % 4];
      }
    }
  }
  __syncthreads();
  auto* vectors = reinterpret_cast<float4*>(shared);
  for (int i = threadIdx.x; i < kBlock.sums() / 4; i += kMarlinThreads) {
    float4 total = vectors[i];
#pragma unroll
    for (int w = 1; w < kMarlinWarps; ++w) {
      const float4 other = vectors[w * (kBlock.sums() / 4) + i];
      total.x += other.x, total.y += other.y, total.z += other.z, total.w += other.w;
    }
    vectors[i] = total;
  }
  __syncthreads();
}

// Adds the blocks of a cluster up: each takes its share of the sums from all of them.
template <typename Store>
__device__ __forceinline__ void marlin_add_cluster(float* shared, int columns, int stride, int count, Store store) {
  namespace cg = cooperative_groups;
  cg::cluster_group cluster = cg::this_cluster();
  const int split = int(cluster.num_blocks()), rank = int(cluster.block_rank());
  cluster.sync();
  for (int i = rank * kMarlinThreads + threadIdx.x; i < count; i += split * kMarlinThreads) {
    const int token = i / columns, column = i % columns;
    float total = 0;
    for (int other = 0; other < split; ++other) {
      total += cluster.map_shared_rank(shared, other)[token * stride + column];
    }
    store(token, column, total);
  }
  cluster.sync();  // a block's shared memory is there until the last one has read it
}

template <typename T, int kTokens, bool kZeros, MarlinMeeting kMeeting>
__global__ void __launch_bounds__(kMarlinThreads, marlin_block(kTokens).blocks_per_sm)
    gptq_marlin_gemm_kernel(MarlinGemmProblem p, int steps, int split, float* partial) {
  constexpr MarlinBlock kBlock = marlin_block(kTokens);
  extern __shared__ __align__(16) uint8_t marlin_shared[];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const unsigned part = blockIdx.x % unsigned(split), tile = blockIdx.x / unsigned(split);
  const unsigned n_blocks = unsigned((p.n + kBlock.columns() - 1) / kBlock.columns());
  const int64_t n0 = int64_t(tile % n_blocks) * kBlock.columns(), m0 = int64_t(tile / n_blocks) * kTokens;
  const int first = int(part * kMarlinWarps + warp) * steps, end = int(p.k / kMarlinRowsOfK);

  MarlinSums<kTokens> sums = {};
  if (first < end) {
    const int own = first + steps < end ? steps : end - first;
    const uint8_t* shared = marlin_shared + warp * kBlock.depth * kBlock.stage_bytes();
    MarlinRing<T, kTokens, kZeros> ring(p, m0, n0, first, own, lane, shared);
    marlin_run(sums, ring, own, lane);
  }
  auto* shared = reinterpret_cast<float*>(marlin_shared);
  constexpr int kColumns = kBlock.sum_columns(), kCount = kTokens * kColumns;
#pragma unroll
  for (int first_tile = 0; first_tile < kBlock.tiles; first_tile += kBlock.sum_tiles()) {
    const auto store = [&](int token, int column, float total) {
      const int64_t m = m0 + token, n = n0 + 64 * first_tile + column;
      if (m >= p.m || n >= p.n) return;
      if (partial == nullptr) {
        static_cast<T*>(p.out)[m * p.ldo + n] = T(total);
      } else {
        partial[(int64_t(part) * p.m + m) * p.n + n] = total;
      }
    };
    __syncthreads();  // the rings, or the sums before, have been read
    marlin_add_warps<kTokens>(shared, sums, first_tile, warp, lane);
    if constexpr (kMeeting == MarlinMeeting::kCluster) {
      if (split > 1) {
        marlin_add_cluster(shared, kColumns, kBlock.sum_stride(), kCount, store);
        continue;
      }
    }
    for (int i = threadIdx.x; i < kCount; i += kMarlinThreads) {
      store(i / kColumns, i % kColumns, shared[i / kColumns * kBlock.sum_stride() + i % kColumns]);
    }
  }
}

template <typename T>
__global__ void gptq_marlin_gemm_add_kernel(MarlinGemmProblem p, const float* partial, int split) {
  const int64_t count = p.m * p.n;
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    float total = 0;
    for (int part = 0; part < split; ++part) total += partial[part * count + i];
    static_cast<T*>(p.out)[i / p.n * p.ldo + i % p.n] = T(total);
  }
}

}  // namespace warpwright
