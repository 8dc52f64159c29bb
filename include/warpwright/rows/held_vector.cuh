// What the threads of a row hold of it, and who holds what.
#pragma once

#include <cstdint>
#include <type_traits>

#include "warpwright/rows/row_reduce.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

// A thread's share of a row: vectors at blockDim.x vectors from each other. One behind the end of the row stands for
// its last, so that every read is one that may be made, without a branch that would keep reads from being made together.
template <int kSize>
struct Share {
  int first, columns;  // this thread's first, and how many the row has
  __device__ int column(int i) const { return first + int(i * blockDim.x) * kSize; }
  __device__ bool has(int i) const { return column(i) < columns; }
  __device__ int readable(int i) const { return min(column(i), columns - kSize); }
};

// What a thread holds of a vector from one pass over the row to the next: the floats, or where that is half of the
// registers, what was read.
template <typename Source, int kSize, bool kAsRead>
class HeldVector {
 public:
  using Fetched = typename Source::template Fetched<kSize>;

  __device__ __forceinline__ void hold(const Fetched& fetched, const float (&x)[kSize]) {
    if constexpr (kAsRead) {
      memcpy(held_, &fetched, sizeof(held_));
    } else {
      hold(x);
    }
  }

  __device__ __forceinline__ void hold(const float (&x)[kSize]) {
#pragma unroll
    for (int i = 0; i < kSize; ++i) held_[i] = x[i];
  }

  __device__ __forceinline__ void floats(float (&x)[kSize]) {
    if constexpr (kAsRead) {
      // The compiler would keep the floats of an earlier pass, and with them the registers that this is to save.
#pragma unroll
      for (uint32_t& word : held_) asm volatile("" : "+r"(word));
      Fetched fetched;
      memcpy(&fetched, held_, sizeof(held_));
      Source::template unpack<kSize>(fetched, x);
    } else {
#pragma unroll
      for (int i = 0; i < kSize; ++i) x[i] = held_[i];
    }
  }

  __device__ __forceinline__ float largest() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    if constexpr (kAsRead) {
      Fetched fetched;
      memcpy(&fetched, held_, sizeof(held_));
      return Source::template largest<kSize>(fetched);
    }
#endif
    float x[kSize];
    floats(x);
    return largest_of(x);
  }

 private:
  std::conditional_t<kAsRead, uint32_t[sizeof(Fetched) / sizeof(uint32_t)], float[kSize]> held_;
};

// Reads some vectors, which are asked for together.
template <int kAtOnce, typename Source, int kHeld, int kSize, typename Held>
__device__ __forceinline__ void read_some(const Source& source, const Share<kSize>& share, int from, bool is_there,
                                          Held (&held)[kHeld]) {
  typename Source::template Fetched<kSize> fetched[kAtOnce];
#pragma unroll
  for (int i = 0; i < kAtOnce; ++i) source.template fetch<kSize>(share.readable(from + i), fetched[i]);
#pragma unroll
  for (int i = 0; i < kAtOnce; ++i) {
    float x[kSize];
    Source::template unpack<kSize>(fetched[i], x);
    if (is_there && share.has(from + i)) source.template keep<kSize>(share.column(from + i), x);
    held[from + i].hold(fetched[i], x);
  }
}

}  // namespace warpwright
