// The weight-only product for few tokens: it takes as long as its weights take to arrive.
//
// A block has 64 columns and up to 48 tokens. Its eight warps split its rows of k, and each streams its weights from
// memory straight into registers, a few steps ahead of the tensor cores: Marlin's order makes one 16-byte load of a lane
// the operands of eight mma. The warps' sums meet in shared memory, and the blocks that split k between them meet in a
// cluster (SM 9.0) or in a workspace that a second kernel adds up (SM 8.x).
#pragma once

#include <cooperative_groups.h>

#include "warpwright/gemm/gptq_marlin_gemm.h"
#include "warpwright/gemm/gptq_marlin_gemm_tiles.h"
#include "warpwright/gemm/mma_16816.cuh"
#include "warpwright/quantization/int4.cuh"
#include "warpwright/quantization/marlin_layout.h"

namespace warpwright {

enum class MarlinMeeting { kCluster, kWorkspace };

constexpr int kMarlinThreads = 32 * kMarlinWarps;
constexpr int kMarlinTile = 16 * kMarlinColumns;  // elements of out for 16 tokens

// The steps that a warp loads ahead, by what its registers hold besides.
constexpr int marlin_depth(int m_tiles) { return m_tiles == 3 ? 3 : 4; }

// What one step of a warp needs: 16 rows of k by 64 columns.
template <int kTiles>
struct MarlinStep {
  uint32_t a[kTiles][4];
  uint4 weights;
  uint4 scales;   // of the column of operand b, for the eight mma in turn
  uint32_t zeros;
};

template <typename T, int kTiles, bool kGrouped>
struct MarlinWarp {
  const MarlinGemmProblem& p;
  int64_t n0, m0;
  int lane;

  __device__ void load(MarlinStep<kTiles>& step, int64_t k_step, bool inside) const {
    const int64_t k0 = k_step * kMarlinRowsOfK;
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) load_a(step.a[tile], m0 + 16 * tile, k0, inside);
    if (!inside) return;  // its tokens are zero, so that old weights do no harm
    const auto* weights = reinterpret_cast<const uint4*>(p.weights) + (k_step * (p.n / 64) + n0 / 64) * 32;
    step.weights = load_once(weights + lane);
    if constexpr (kGrouped) {
      const int64_t group = k0 / (p.k / p.groups);
      step.scales = *reinterpret_cast<const uint4*>(static_cast<const T*>(p.scales) + group * p.n + n0 + lane / 4 * 8);
      if (p.zeros != nullptr) step.zeros = uint32_t(p.zeros[group * (p.n / 8) + n0 / 8 + lane / 4]);
    } else if (p.zeros != nullptr) {
      step.zeros = uint32_t(p.zeros[n0 / 8 + lane / 4]);
    }
  }

  // Row lane / 4 and eight below, columns 2 (lane % 4) and eight on: the order of operand a.
  __device__ void load_a(uint32_t (&a)[4], int64_t row0, int64_t k0, bool inside) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int64_t row = row0 + lane / 4 + 8 * (i % 2), column = k0 + 2 * (lane % 4) + 8 * (i / 2);
      a[i] = 0;
      if (inside && row < p.m) a[i] = *reinterpret_cast<const uint32_t*>(static_cast<const T*>(p.a) + row * p.lda + column);
    }
  }

  static __device__ uint4 load_once(const uint4* from) {
    uint4 value;
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
                 : "l"(from));
    return value;
  }

  __device__ void multiply(float (&sum)[kTiles][8][4], const MarlinStep<kTiles>& step) const {
    const uint32_t words[4] = {step.weights.x, step.weights.y, step.weights.z, step.weights.w};
    const uint32_t scales[4] = {step.scales.x, step.scales.y, step.scales.z, step.scales.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint32_t zero = p.zeros != nullptr ? step.zeros >> (4 * j + 16 * half) & 15u : 8u;
        const auto base = raised_zero<T>(zero);
        auto b0 = __hsub2(raised<T>(words[j] >> (8 * half)), base);
        auto b1 = __hsub2(raised<T>(words[j] >> (8 * half + 4)), base);
        if constexpr (kGrouped) {
          const auto scale = as_pair<T>(__byte_perm(scales[j], 0, half == 0 ? 0x1010 : 0x3232));
          b0 = __hmul2(b0, scale);
          b1 = __hmul2(b1, scale);
        }
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) mma_16816<T>(sum[tile][2 * j + half], step.a[tile], as_bits(b0), as_bits(b1));
      }
    }
  }

  // All of the warp's steps, some of them always on their way.
  __device__ void run(float (&sum)[kTiles][8][4], int64_t first, int64_t last) const {
    constexpr int kDepth = marlin_depth(kTiles);
    MarlinStep<kTiles> steps[kDepth] = {};
#pragma unroll
    for (int d = 0; d < kDepth; ++d) load(steps[d], first + d, first + d < last);
    for (int64_t k = first; k < last; k += kDepth) {
#pragma unroll
      for (int d = 0; d < kDepth; ++d) {
        multiply(sum, steps[d]);
        load(steps[d], k + kDepth + d, k + kDepth + d < last);
      }
    }
  }
};

// The scale of a column of out where one serves all of k.
template <typename T>
__device__ __forceinline__ float marlin_single_scale(const MarlinGemmProblem& p, int64_t n) {
  return float(static_cast<const T*>(p.scales)[marlin::single_scale(n)]);
}

// Adds the warps' sums of 16 tokens up, in their order, in the first 1024 floats of shared memory.
__device__ __forceinline__ void marlin_add_warps(float* shared, const float (&sum)[8][4], int warp, int lane) {
  float* own = shared + warp * kMarlinTile;
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const int row = lane / 4, column = 8 * j + 2 * (lane % 4);
    *reinterpret_cast<float2*>(own + row * kMarlinColumns + column) = make_float2(sum[j][0], sum[j][1]);
    *reinterpret_cast<float2*>(own + (row + 8) * kMarlinColumns + column) = make_float2(sum[j][2], sum[j][3]);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < kMarlinTile; i += kMarlinThreads) {
    float total = 0;
#pragma unroll
    for (int w = 0; w < kMarlinWarps; ++w) total += shared[w * kMarlinTile + i];
    shared[i] = total;
  }
  __syncthreads();
}

template <typename T, bool kGrouped>
__device__ __forceinline__ void marlin_store(const MarlinGemmProblem& p, int64_t m, int64_t n, float total) {
  if (m >= p.m) return;
  if constexpr (!kGrouped) total *= marlin_single_scale<T>(p, n);
  static_cast<T*>(p.out)[m * p.ldo + n] = T(total);
}

// Adds the blocks of a cluster up: each takes its share of the tile from all of them.
template <typename T, bool kGrouped>
__device__ __forceinline__ void marlin_add_cluster(const MarlinGemmProblem& p, float* shared, int64_t m0, int64_t n0) {
  namespace cg = cooperative_groups;
  cg::cluster_group cluster = cg::this_cluster();
  const int split = int(cluster.num_blocks()), rank = int(cluster.block_rank());
  cluster.sync();
  for (int i = rank * kMarlinThreads + threadIdx.x; i < kMarlinTile; i += split * kMarlinThreads) {
    float total = 0;
    for (int other = 0; other < split; ++other) total += cluster.map_shared_rank(shared, other)[i];
    marlin_store<T, kGrouped>(p, m0 + i / kMarlinColumns, n0 + i % kMarlinColumns, total);
  }
  cluster.sync();  // a block's shared memory is there until the last one has read it
}

template <typename T, int kTiles, bool kGrouped, MarlinMeeting kMeeting>
__global__ void __launch_bounds__(kMarlinThreads, marlin_blocks_per_sm(kTiles))
    gptq_marlin_gemm_kernel(MarlinGemmProblem p, int64_t steps, float* partial) {
  __shared__ float shared[kMarlinWarps * kMarlinTile];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int64_t split = gridDim.x / (p.n / kMarlinColumns), part = blockIdx.x % split;
  const int64_t n0 = blockIdx.x / split * kMarlinColumns, m0 = int64_t(blockIdx.y) * 16 * kTiles;
  const int64_t first = (part * kMarlinWarps + warp) * steps, end = p.k / kMarlinRowsOfK;

  float sum[kTiles][8][4] = {};
  const MarlinWarp<T, kTiles, kGrouped> worker{p, n0, m0, lane};
  worker.run(sum, first, first + steps < end ? first + steps : end);

#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
    const int64_t row0 = m0 + 16 * tile;
    if (row0 >= p.m) break;
    marlin_add_warps(shared, sum[tile], warp, lane);
    if constexpr (kMeeting == MarlinMeeting::kCluster) {
      if (split > 1) {
        marlin_add_cluster<T, kGrouped>(p, shared, row0, n0);
        continue;
      }
    }
    for (int i = threadIdx.x; i < kMarlinTile; i += kMarlinThreads) {
      const int64_t m = row0 + i / kMarlinColumns, n = n0 + i % kMarlinColumns;
      if (partial == nullptr) {
        marlin_store<T, kGrouped>(p, m, n, shared[i]);
      } else if (m < p.m) {
        partial[(part * p.m + m) * p.n + n] = shared[i];
      }
    }
    __syncthreads();
  }
}

template <typename T, bool kGrouped>
__global__ void gptq_marlin_gemm_add_kernel(MarlinGemmProblem p, const float* partial, int split) {
  const int64_t count = p.m * p.n;
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    float total = 0;
    for (int part = 0; part < split; ++part) total += partial[part * count + i];
    marlin_store<T, kGrouped>(p, i / p.n, i % p.n, total);
  }
}

}  // namespace warpwright
