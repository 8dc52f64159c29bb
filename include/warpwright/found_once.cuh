// Where shared memory is, asked once.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

namespace warpwright {

// The address of shared memory, found here once for all: where it is not hidden, each use of it on SM 9.0 may ask for
// the block's number in its cluster anew, for which a warp waits longer than for the memory.
template <typename T>
__device__ __forceinline__ T* found_once(T* shared) {
#if defined(__CUDA_ARCH__)
  size_t address;
  asm volatile("mov.u64 %0, %1;" : "=l"(address) : "l"(__cvta_generic_to_shared(shared)));
  return static_cast<T*>(__cvta_shared_to_generic(address));
#else
  return shared;
#endif
}

}  // namespace warpwright
