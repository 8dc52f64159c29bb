// The part of a row among which is chosen, dealt out to the warps of the blocks that share it: each warp has elements
// side by side, and its lanes take a vector of 16 bytes at each step. What is read first is kept in shared memory as far
// as there is room, and each thread reads there what it has written itself; the rest is read again each time.
#pragma once

#include <cstdint>

#include "warpwright/ordered_key.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

template <typename T>
class RowWindow {
 public:
  static constexpr int kSize = kFullVector<T>;
  using Keys = uint32_t[kSize];

  // `length` elements from `first` on, fewer than 2^31; `held` has room for `held_steps` vectors of each thread.
  __device__ RowWindow(const T* first, int length, int rank, int ranks, uint4* held, int held_steps)
      : first_(first), end_(uint32_t(length)), held_steps_(held_steps) {
    const uint32_t past = uint32_t(reinterpret_cast<uintptr_t>(first) / sizeof(T) % kSize);
    const int warps = blockDim.x / 32, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const uint32_t of_step = 32 * warps * ranks * kSize;
    steps_ = int((past + end_ + of_step - 1) / of_step);
    begin_ = uint32_t((rank * warps + warp) * steps_ * 32 + lane) * kSize - past;
    held_ = held + warp * held_steps * 32 + lane;
  }

  // Calls `visit` with the keys of each vector, in the highest bits of words, and the index of the first: kKeyOfNone
  // where there is no element. The lanes of a warp come there together, and indices ascend from lane to lane, from step
  // to step, from warp to warp and from rank to rank.
  template <bool kIsFirst, typename Visit>
  __device__ __forceinline__ void each_vector(const Visit& visit) const {
    constexpr int kAtOnce = kIsFirst ? 4 : 1;  // vectors that a thread has on their way
#pragma unroll 1
    for (int step = 0; step < steps_; step += kAtOnce) {
      uint4 raw[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        if (step + i < steps_) raw[i] = fetch<kIsFirst>(step + i);
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        if (step + i >= steps_) break;
        if (kIsFirst && step + i < held_steps_) held_[(step + i) * 32] = raw[i];
        visit_one(visit, raw[i], index_of(step + i));
      }
    }
  }

  // The same key by key.
  template <bool kIsFirst, typename Visit>
  __device__ __forceinline__ void each_key(const Visit& visit) const {
    each_vector<kIsFirst>([&](const Keys& keys, uint32_t) {
#pragma unroll
      for (int j = 0; j < kSize; ++j) visit(keys[j]);
    });
  }

 private:
  // Of a vector's first element. Before the window's begin it is close to 2^32, and so behind the end.
  __device__ __forceinline__ uint32_t index_of(int step) const { return begin_ + uint32_t(step) * (32 * kSize); }
  __device__ __forceinline__ bool is_whole(uint32_t index) const { return index < end_ && end_ - index >= kSize; }

  template <bool kIsFirst>
  __device__ __forceinline__ uint4 fetch(int step) const {
    if (!kIsFirst && step < held_steps_) return held_[step * 32];
    const uint32_t index = index_of(step);
    return is_whole(index) ? *reinterpret_cast<const uint4*>(first_ + index) : fetch_some(index);
  }

  // A vector at an end of the window, of which only elements in it are read.
  __device__ __forceinline__ uint4 fetch_some(uint32_t index) const {
    Vector<T, kSize> vector;
#pragma unroll
    for (int j = 0; j < kSize; ++j) {
      vector.at[j] = index + j < end_ ? first_[index + j] : T{};
    }
    return reinterpret_cast<const uint4&>(vector);
  }

  template <typename Visit>
  __device__ __forceinline__ void visit_one(const Visit& visit, const uint4& raw, uint32_t index) const {
    const auto& at = reinterpret_cast<const Vector<T, kSize>&>(raw).at;
    Keys keys;
#pragma unroll
    for (int j = 0; j < kSize; ++j) keys[j] = ordered_key(at[j]) << (32 - kKeyBits<T>);
    if (!is_whole(index)) {
#pragma unroll
      for (int j = 0; j < kSize; ++j) {
        if (index + j >= end_) keys[j] = kKeyOfNone;
      }
    }
    visit(keys, index);
  }

  const T* first_;
  uint4* held_;
  uint32_t begin_, end_;
  int steps_, held_steps_;
};

}  // namespace warpwright
