// The blocks that share a row: one, or those of a thread block cluster (SM 9.0), which read each other's shared memory.
#pragma once

#include <cstdint>

#include "warpwright/cluster_plan.h"
#include "warpwright/found_once.cuh"

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

// Words of shared memory that are added to at every key.
class SharedCounters {
 public:
  __device__ __forceinline__ explicit SharedCounters(uint32_t* words) {
#if defined(__CUDA_ARCH__)
    asm volatile("mov.u32 %0, %1;" : "=r"(address_) : "r"(uint32_t(__cvta_generic_to_shared(words))));
#else
    words_ = words;
#endif
  }

  // Adds 1 to a word where `key` is at least `least`; no thread waits for it.
  __device__ __forceinline__ void count(uint32_t word, uint32_t key, uint32_t least) const {
#if defined(__CUDA_ARCH__)
    asm volatile("{\n.reg .pred p;\nsetp.ge.u32 p, %1, %2;\n@p red.shared.add.u32 [%0], 1;\n}"
                 :
                 : "r"(address_ + 4 * word), "r"(key), "r"(least)
                 : "memory");
#else
    if (key >= least) atomicAdd(&words_[word], 1u);
#endif
  }

  // Adds to the first word, and returns what it was.
  __device__ __forceinline__ uint32_t add(uint32_t value) const {
#if defined(__CUDA_ARCH__)
    uint32_t before;
    asm volatile("atom.shared.add.u32 %0, [%1], %2;" : "=r"(before) : "r"(address_), "r"(value) : "memory");
    return before;
#else
    return atomicAdd(words_, value);
#endif
  }

 private:
#if defined(__CUDA_ARCH__)
  uint32_t address_;
#else
  uint32_t* words_;
#endif
};

template <bool kClustered>
class RowGroup {
 public:
  static constexpr int kMostBlocks = 1;

  __device__ int size() const { return 1; }
  __device__ int rank() const { return 0; }
  __device__ void sync() { __syncthreads(); }

  // A word of another block, by where it is in this one's shared memory.
  __device__ uint32_t read(const uint32_t* word, int) const { return *word; }
  __device__ void write(uint32_t* word, int, uint32_t value) const { *word = value; }
  __device__ void write(uint64_t* word, int, uint64_t value) const { *word = value; }
};

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
// PTX ISA, "mapa" and "barrier.cluster". Addresses have 32 bits here, where those of cooperative groups have 64.
template <>
class RowGroup<true> {
 public:
  static constexpr int kMostBlocks = kMostBlocksOfRow;

  __device__ int size() const {
    int blocks;
    asm("mov.u32 %0, %%cluster_nctaid.x;" : "=r"(blocks));
    return blocks;
  }

  __device__ int rank() const {
    int rank;
    asm("mov.u32 %0, %%cluster_ctaid.x;" : "=r"(rank));
    return rank;
  }

  __device__ void sync() {
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
  }

  __device__ uint32_t read(const uint32_t* word, int rank) const {
    uint32_t value;
    asm volatile("ld.shared::cluster.u32 %0, [%1];" : "=r"(value) : "r"(address(word, rank)) : "memory");
    return value;
  }

  __device__ void write(uint32_t* word, int rank, uint32_t value) const {
    asm volatile("st.shared::cluster.u32 [%0], %1;" ::"r"(address(word, rank)), "r"(value) : "memory");
  }

  __device__ void write(uint64_t* word, int rank, uint64_t value) const {
    asm volatile("st.shared::cluster.u64 [%0], %1;" ::"r"(address(word, rank)), "l"(value) : "memory");
  }

 private:
  __device__ static uint32_t address(const void* word, int rank) {
    uint32_t there;
    const auto here = uint32_t(__cvta_generic_to_shared(word));
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(here), "r"(rank));
    return there;
  }
};
#endif

}  // namespace warpwright
