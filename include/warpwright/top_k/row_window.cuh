// The part of a row among which is chosen, dealt out to the warps of the blocks that share it: each warp has elements
// side by side, and its lanes take a vector of 16 bytes at each step. What is read first is kept in shared memory as
// far as there is room, and each thread reads there what it has written itself; the rest is read again each time. No
// byte outside of the part is read: the vectors at its two ends are put together from elements.
#pragma once

#include <cstdint>

#include "warpwright/ordered_key.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

constexpr int kEnds = 2;  // vectors in front of those that are kept

// T is a word of as many bits as an element has: the keys of two formats of one size differ in where their NaNs begin.
template <typename T>
class RowWindow {
 public:
  static constexpr int kSize = kFullVector<T>;
  using Keys = uint32_t[kSize];

  // `length` elements from `first` on, fewer than 2^31; `held` has room for kEnds vectors, and `held_steps` of each
  // thread.
  __device__ RowWindow(const T* first, int length, uint32_t infinity, int rank, int ranks, uint4* held, int held_steps)
      : first_(first), end_(uint32_t(length)), infinity_(infinity) {
    const uint32_t past = uint32_t(reinterpret_cast<uintptr_t>(first) / sizeof(T) % kSize);
    const int warps = blockDim.x / 32, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const uint32_t of_step = 32 * warps * ranks * kSize;
    steps_ = int((past + end_ + of_step - 1) / of_step);
    begin_ = uint32_t((rank * warps + warp) * steps_ * 32 + lane) * kSize - past;
    ends_ = held;
    held_ = held + kEnds + warp * held_steps * 32 + lane;
    held_steps_ = min(held_steps, steps_);
  }

  // Reads what is kept; the block synchronises before it is visited.
  __device__ __forceinline__ void load() const {
    constexpr int kAtOnce = 4;  // vectors that a thread has on their way
    load_ends();
#pragma unroll 1
    for (int step = 0; step < held_steps_; step += kAtOnce) {
      uint4 raw[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        if (is_kept(step + i)) raw[i] = vector_of(index_of(step + i));
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        if (is_kept(step + i)) held_[(step + i) * 32] = raw[i];
      }
    }
  }

  // Calls `visit` with the keys of each vector, in the highest bits of words, and the index of the first: kKeyOfNone
  // where there is no element. The lanes of a warp come there together, and indices ascend from lane to lane, from step
  // to step, from warp to warp and from rank to rank.
  template <typename Visit>
  __device__ __forceinline__ void each_vector(const Visit& visit) const {
#pragma unroll 1
    for (int step = 0; step < steps_; ++step) {
      const uint32_t index = index_of(step);
      const uint4 raw = !is_whole(index)     ? ends_[index < end_]
                        : step < held_steps_ ? held_[step * 32]
                                             : vector_of(index);
      const auto& at = reinterpret_cast<const Vector<T, kSize>&>(raw).at;
      Keys keys;
#pragma unroll
      for (int j = 0; j < kSize; ++j) {
        keys[j] = index + j < end_ ? ordered_key_of_bits<T>(at[j], infinity_) << (32 - kKeyBits<T>) : kKeyOfNone;
      }
      visit(keys, index);
    }
  }

  // The same key by key.
  template <typename Visit>
  __device__ __forceinline__ void each_key(const Visit& visit) const {
    each_vector([&](const Keys& keys, uint32_t) {
#pragma unroll
      for (int j = 0; j < kSize; ++j) visit(keys[j]);
    });
  }

 private:
  // The first element's of a vector. Before the window's begin it is close to 2^32, and so behind the end.
  __device__ __forceinline__ uint32_t index_of(int step) const { return begin_ + uint32_t(step) * (32 * kSize); }
  __device__ __forceinline__ bool is_whole(uint32_t index) const { return index < end_ && end_ - index >= kSize; }
  __device__ __forceinline__ bool is_kept(int step) const { return step < held_steps_ && is_whole(index_of(step)); }
  __device__ __forceinline__ uint4 vector_of(uint32_t index) const {
    return *reinterpret_cast<const uint4*>(first_ + index);
  }

  // The first vector and the last one, a thread for each element; those outside are 0.
  __device__ __forceinline__ void load_ends() const {
    if (threadIdx.x >= kEnds * kSize) return;
    const uint32_t past = uint32_t(reinterpret_cast<uintptr_t>(first_) / sizeof(T) % kSize);
    const uint32_t last = (past + end_ + kSize - 1) / kSize * kSize - kSize;
    const uint32_t index = (threadIdx.x < kSize ? 0 : last - kSize) + threadIdx.x - past;
    reinterpret_cast<T*>(ends_)[threadIdx.x] = index < end_ ? first_[index] : T{};
  }

  const T* first_;
  uint4 *ends_, *held_;
  uint32_t begin_, end_, infinity_;
  int steps_, held_steps_;
};

}  // namespace warpwright
