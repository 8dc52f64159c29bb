// How the cooperative kernels store a tile: through shared memory, by TMA, while the products of the next tile run.
#pragma once

#include "cute/arch/copy_sm90.hpp"
#include "warpwright/gemm/cooperative_tile.cuh"

namespace warpwright::cooperative {

template <typename Out>
__device__ __forceinline__ uint32_t pack(float low, float high) {
  return uint32_t(Out(low).storage) | uint32_t(Out(high).storage) << 16;
}

// A warpgroup's 64 rows by 64 columns into shared memory in TMA's swizzle. pack_group(group, packed) gives a thread's
// outputs of eight columns: two of one row, and two of the row eight below.
template <typename Tile, typename PackGroup>
__device__ __forceinline__ void write_block(int block, uint8_t* to, PackGroup pack_group) {
  constexpr int kGroups = Tile::kStoreBlockN / 8;  // of eight columns
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  const int row = warp * 16 + lane % 16;
  uint8_t* to_row = to + row * kSwizzleBytes;
#pragma unroll
  for (int j = 0; j < kGroups; j += 2) {  // 16 columns: four 8x8 matrices of one stmatrix
    uint32_t packed[4];
#pragma unroll
    for (int i = 0; i < 2; ++i) pack_group(block * kGroups + j + i, &packed[2 * i]);
    const int chunk = (j + lane / 16) ^ (row % 8);
    cute::SM90_U32x4_STSM_N::copy(packed[0], packed[1], packed[2], packed[3],
                                  *reinterpret_cast<cute::uint128_t*>(to_row + chunk * 16));
  }
}

// A warpgroup's two buffers for blocks on their way out. Where a tile has an odd number of blocks, the next one begins
// with the other buffer: what its first block would overwrite may still be read.
template <typename Tile>
struct StoreBuffers {
  uint8_t* buffers;
  int first = 0;  // of the next tile's blocks

  __device__ __forceinline__ explicit StoreBuffers(uint8_t* out)
      : buffers(out + threadIdx.x / 128 * 2 * Tile::kStoreBlockBytes) {}

  __device__ __forceinline__ uint8_t* of_block(int block) const {
    return buffers + (Tile::kStoreBlocks % 2 == 0 ? block % 2 : (block + first) % 2) * Tile::kStoreBlockBytes;
  }
  __device__ __forceinline__ void end_tile() { first ^= Tile::kStoreBlocks % 2; }
};

// Each warpgroup writes its part of the tile, block by block through two buffers. One of its threads starts the stores.
template <typename Tile, typename PackGroup>
__device__ __forceinline__ void epilogue(StoreBuffers<Tile>& buffers, const CUtensorMap& map_out, TileCoord at,
                                         PackGroup pack_group) {
  const int warpgroup = threadIdx.x / 128;
  const bool leads = threadIdx.x % 128 == 0;
#pragma unroll
  for (int block = 0; block < Tile::kStoreBlocks; ++block) {
    uint8_t* buffer = buffers.of_block(block);
    if (leads) cute::tma_store_wait<1>();  // all stores but the last have been read, and the last has the other buffer
    cutlass::arch::NamedBarrier::sync(128, 1 + warpgroup);
    write_block<Tile>(block, buffer, pack_group);
    cute::tma_store_fence();
    cutlass::arch::NamedBarrier::sync(128, 1 + warpgroup);
    if (leads) {
      cute::SM90_TMA_STORE_2D::copy(&map_out, buffer, at.n + block * Tile::kStoreBlockN,
                                    at.m + warpgroup * Tile::kStoreBlockM);
      cute::tma_store_arrive();
    }
  }
  buffers.end_tile();
}

}  // namespace warpwright::cooperative
