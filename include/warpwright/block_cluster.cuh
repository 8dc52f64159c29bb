// Blocks that work on one thing and reach into each other's shared memory: thread block clusters, which came with
// SM 9.0. On older ones, and where a kernel is launched without, a block is a cluster of its own.
#pragma once

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#include <cooperative_groups.h>
#endif

namespace warpwright {

struct BlockCluster {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  __device__ static int rank() { return int(cooperative_groups::this_cluster().block_rank()); }
  __device__ static int size() { return int(cooperative_groups::this_cluster().num_blocks()); }
  __device__ static void meet() { cooperative_groups::this_cluster().sync(); }
  // What stands in the shared memory of a block where `own` stands in that of this one.
  template <typename T>
  __device__ static T* of(int rank, T* own) {
    return cooperative_groups::this_cluster().map_shared_rank(own, rank);
  }
#else
  __device__ static int rank() { return 0; }
  __device__ static int size() { return 1; }
  __device__ static void meet() { __syncthreads(); }
  template <typename T>
  __device__ static T* of(int, T* own) {
    return own;
  }
#endif

  template <typename T>
  __device__ static T* of_first(T* own) {
    return of(0, own);
  }
};

}  // namespace warpwright
