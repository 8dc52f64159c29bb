// The epilogue of the swap-AB kernels: a reduce-scatter of the partial sums over the cluster that splits k, and the
// store.
#pragma once

#include "warpwright/gemm/swap_ab_tile.cuh"

namespace warpwright::swap_ab {

__device__ __forceinline__ void store_to_rank(uint32_t address, uint32_t value) {
  asm volatile("st.shared::cluster.u32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}
__device__ __forceinline__ void store_to_rank(uint32_t address, float value) {
  store_to_rank(address, __float_as_uint(value));
}

// Sends a warpgroup's accumulators to the CTAs that finish them, which keep them as [sender][row group]: stores to
// another CTA need no answer, loads from one would.
template <typename Tile, int kSize>
__device__ __forceinline__ void scatter(const typename Tile::Accum (&accum)[kSize], const uint8_t* received,
                                        const TileCoord<Tile>& at, int rows) {
  const int column = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4, row = threadIdx.x % 4 * 2;
  const uint32_t mine = cute::cast_smem_ptr_to_uint(received) +
                        at.rank * Tile::row_groups_per_cta(at.split_k) * Tile::kRowGroupBytes +
                        (row * Tile::kRowGroupStride + column) * 4;
  int to = 0, slot = 0;
#pragma unroll
  for (int group = 0; group < Tile::kRowGroups; ++group) {
    if (group * 8 < rows) {
      const uint32_t address = cute::set_block_rank(mine + slot * Tile::kRowGroupBytes, to);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        store_to_rank(address + (i % 2 * Tile::kRowGroupStride + i / 2 * 8) * 4, accum[group * 4 + i]);
      }
    }
    if (++to == at.split_k) to = 0, ++slot;
  }
}

__device__ __forceinline__ void add(uint32_t (&total)[4], const uint4& part) {
  total[0] += part.x, total[1] += part.y, total[2] += part.z, total[3] += part.w;
}
__device__ __forceinline__ void add(float (&total)[4], const uint4& part) {
  total[0] += __uint_as_float(part.x), total[1] += __uint_as_float(part.y);
  total[2] += __uint_as_float(part.z), total[3] += __uint_as_float(part.w);
}

// Adds what the cluster sent here, and calls write(row, column, sums) for four neighbouring columns each.
template <typename Tile, typename Write>
__device__ __forceinline__ void reduce(const uint8_t* received, const TileCoord<Tile>& at, int rows, Write write) {
  constexpr int kQuads = Tile::kBlockN / 4;  // a row's columns, four to a thread: the threads take 8 rows at once
  const int quad = threadIdx.x % kQuads, row_in_group = threadIdx.x / kQuads;
  const int sender_bytes = Tile::row_groups_per_cta(at.split_k) * Tile::kRowGroupBytes;
  const uint8_t* from = received + (row_in_group * Tile::kRowGroupStride + quad * 4) * 4;
  for (int row = at.rank * 8 + row_in_group; row < rows; row += at.split_k * 8, from += Tile::kRowGroupBytes) {
    typename Tile::Accum total[4] = {};
    for (int sender = 0; sender < at.split_k; ++sender) {
      add(total, *reinterpret_cast<const uint4*>(from + sender * sender_bytes));
    }
    write(row, quad * 4, total);
  }
}

template <typename Out>
__device__ __forceinline__ void store_out(void* out, int64_t offset, const float (&value)[4]) {
  Out rounded[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) rounded[i] = Out(value[i]);
  *reinterpret_cast<uint2*>(static_cast<Out*>(out) + offset) = *reinterpret_cast<const uint2*>(rounded);
}

// Four outputs of one row.
__device__ __forceinline__ void store_out(void* out, Dtype dtype, int64_t offset, const float (&value)[4]) {
  if (dtype == Dtype::kFloat16) {
    store_out<cutlass::half_t>(out, offset, value);
  } else {
    store_out<cutlass::bfloat16_t>(out, offset, value);
  }
}

}  // namespace warpwright::swap_ab
