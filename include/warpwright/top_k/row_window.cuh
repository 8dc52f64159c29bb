// The part of a row among which is chosen, dealt out to the warps of the blocks that share it: each warp has elements
// side by side, and its lanes take a vector of 16 bytes at each step. What is read first is kept in shared memory, as
// keys, as far as there is room, and in the order of indices; the rest is read again each time. No byte outside of the
// part is read: the vectors at its two ends are put together from elements.
#pragma once

#include <cstdint>

#include "warpwright/ordered_key.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

// T is a word of as many bits as an element has: the keys of two formats of one size differ in where their NaNs begin.
template <typename T>
class RowWindow {
 public:
  static constexpr int kSize = kFullVector<T>;
  using Keys = uint32_t[kSize];

  // `length` elements from `first` on, fewer than 2^31; `held` has room for `held_steps` vectors of each thread.
  __device__ RowWindow(const T* first, int length, uint32_t infinity, int rank, int ranks, uint4* held, int held_steps)
      : first_(first), end_(uint32_t(length)), infinity_(infinity) {
    const uint32_t past = uint32_t(reinterpret_cast<uintptr_t>(first) / sizeof(T) % kSize);
    const int warps = blockDim.x / 32, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const uint32_t of_step = 32 * warps * ranks * kSize;
    steps_ = int((past + end_ + of_step - 1) / of_step);
    block_begin_ = uint32_t(rank * warps * steps_) * 32 * kSize - past;
    begin_ = block_begin_ + uint32_t(warp * steps_ * 32 + lane) * kSize;
    held_steps_ = min(held_steps, steps_);
    keys_ = reinterpret_cast<const T*>(held);
    held_ = held + warp * held_steps_ * 32 + lane;
  }

  // The block's elements by number: of one that is in the row the key and the index.
  __device__ __forceinline__ uint32_t count() const { return uint32_t(steps_) * blockDim.x * kSize; }
  __device__ __forceinline__ uint32_t index_at(uint32_t i) const { return block_begin_ + i; }
  __device__ __forceinline__ uint32_t key_at(uint32_t i) const {
    const bool all_are_held = held_steps_ == steps_;
    const uint32_t key = all_are_held ? keys_[i] : ordered_key_of_bits<T>(first_[index_at(i)], infinity_);
    return key << (32 - kKeyBits<T>);
  }

  // The first reading of all vectors, as each_vector, which keeps what there is room for. Between a few of them and the
  // next, all threads of the block call `pause`.
  template <typename Visit, typename Pause>
  __device__ __forceinline__ void load(const Visit& visit, const Pause& pause) const {
    constexpr int kAtOnce = 4;  // vectors that a thread has on their way
#pragma unroll 1
    for (int step = 0; step < steps_; step += kAtOnce) {
      if (step > 0) pause();
      uint4 raw[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        if (step + i < steps_) raw[i] = vector_of(index_of(step + i));
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        if (step + i >= steps_) break;
        Keys keys;
        const uint32_t index = index_of(step + i);
        to_keys(raw[i], index, keys);
        if (step + i < held_steps_) held_[(step + i) * 32] = packed(keys);
        visit(keys, index);
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
      Keys keys;
      if (step < held_steps_) {
        unpack(held_[step * 32], keys);
      } else {
        to_keys(vector_of(index), index, keys);
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

  // A vector, of which elements outside are 0.
  __device__ __forceinline__ uint4 vector_of(uint32_t index) const {
    if (is_whole(index)) return *reinterpret_cast<const uint4*>(first_ + index);
    uint4 raw{};
    auto& at = reinterpret_cast<Vector<T, kSize>&>(raw).at;
#pragma unroll
    for (int j = 0; j < kSize; ++j) {
      if (index + j < end_) at[j] = first_[index + j];
    }
    return raw;
  }

  __device__ __forceinline__ void to_keys(const uint4& raw, uint32_t index, Keys& keys) const {
    const auto& at = reinterpret_cast<const Vector<T, kSize>&>(raw).at;
#pragma unroll
    for (int j = 0; j < kSize; ++j) keys[j] = ordered_key_of_bits<T>(at[j], infinity_) << (32 - kKeyBits<T>);
    if (is_whole(index)) return;
#pragma unroll
    for (int j = 0; j < kSize; ++j) keys[j] = index + j < end_ ? keys[j] : kKeyOfNone;
  }

  __device__ __forceinline__ static void unpack(const uint4& raw, Keys& keys) {
    const auto& at = reinterpret_cast<const Vector<T, kSize>&>(raw).at;
#pragma unroll
    for (int j = 0; j < kSize; ++j) keys[j] = uint32_t(at[j]) << (32 - kKeyBits<T>);
  }

  __device__ __forceinline__ static uint4 packed(const Keys& keys) {
    uint4 raw;
    auto& at = reinterpret_cast<Vector<T, kSize>&>(raw).at;
#pragma unroll
    for (int j = 0; j < kSize; ++j) at[j] = T(keys[j] >> (32 - kKeyBits<T>));
    return raw;
  }

  const T *first_, *keys_;
  uint4* held_;
  uint32_t block_begin_, begin_, end_, infinity_;
  int steps_, held_steps_;
};

}  // namespace warpwright
