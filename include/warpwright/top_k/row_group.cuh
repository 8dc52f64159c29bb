// The blocks that share a row: one, or those of a thread block cluster (SM 9.0), which read each other's shared memory.
#pragma once

#include <cooperative_groups.h>

#include <cstdint>

namespace warpwright {

constexpr unsigned kWholeWarp = 0xffffffffu;

// The sum over a warp's lanes, in each of them.
__device__ __forceinline__ uint32_t warp_sum(uint32_t value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  return __reduce_add_sync(kWholeWarp, value);
#else
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(kWholeWarp, value, offset);
  return value;
#endif
}

// The sum over a lane and those before it.
__device__ __forceinline__ uint32_t warp_scan(uint32_t value) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int offset = 1; offset < 32; offset *= 2) {
    const uint32_t before = __shfl_up_sync(kWholeWarp, value, offset);
    if (lane >= offset) value += before;
  }
  return value;
}

template <bool kClustered>
class RowGroup {
 public:
  __device__ int size() const { return 1; }
  __device__ int rank() const { return 0; }
  __device__ void sync() { __syncthreads(); }

  // Where an object of this block's shared memory is in that of another one.
  template <typename T>
  __device__ T* in_block(T* shared, int) {
    return shared;
  }
};

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
template <>
class RowGroup<true> {
 public:
  __device__ int size() const { return int(cooperative_groups::cluster_group::num_blocks()); }
  __device__ int rank() const { return int(cooperative_groups::cluster_group::block_rank()); }
  __device__ void sync() { cooperative_groups::cluster_group::sync(); }

  template <typename T>
  __device__ T* in_block(T* shared, int rank) {
    return cooperative_groups::cluster_group::map_shared_rank(shared, rank);
  }
};
#endif

}  // namespace warpwright
