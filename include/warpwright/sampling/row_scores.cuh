// A row of probabilities or logits, dealt out to the threads of a block.
//
// Which thread has which elements, and in which order, follows from the element type and the size of a block alone,
// which is the same for every GPU and every batch: sums that go the same way have the same bits. Of softmax alone a row
// here may be a part of one, whose size follows from the number of rows too.
#pragma once

#include <cstdint>

#include "warpwright/vector.cuh"

namespace warpwright {

constexpr int kRowThreads = 1024;

// The row's elements in chunks of 16 bytes, which go around: chunk c is of thread c % kRowThreads.
template <typename T>
struct RowScores {
  static constexpr int kChunk = kFullVector<T>;

  const T* start;
  int classes;
  bool aligned;  // chunks stand at multiples of 16 bytes

  __device__ int steps() const { return (classes + kChunk * kRowThreads - 1) / (kChunk * kRowThreads); }

  __device__ static int first_of(int step, int thread) { return (step * kRowThreads + thread) * kChunk; }

  // A chunk; behind the end of the row are NaN, which count for nothing.
  __device__ __forceinline__ Vector<T, kChunk> chunk(int first) const {
    if (aligned && first + kChunk <= classes) return vector_at<T, kChunk>(start + first);
    Vector<T, kChunk> read;
#pragma unroll
    for (int i = 0; i < kChunk; ++i) {
      read.at[i] = first + i < classes ? start[first + i] : from_float<T>(__int_as_float(0x7fffffff));
    }
    return read;
  }

  // Calls each(chunk, index of its first element) for every chunk of this thread, steps in the one or the other
  // direction: what was read last may still be in the cache. kAhead of them are in flight. Behind the end of the row
  // are NaN.
  template <int kAhead, typename Each>
  __device__ __forceinline__ void for_each_chunk(bool backward, const Each& each) const {
    const int count = steps();
    for (int base = 0; base < count; base += kAhead) {
      Vector<T, kChunk> read[kAhead];
#pragma unroll
      for (int ahead = 0; ahead < kAhead; ++ahead) read[ahead] = chunk(first_at(backward, base + ahead, count));
#pragma unroll
      for (int ahead = 0; ahead < kAhead; ++ahead) each(read[ahead], first_at(backward, base + ahead, count));
    }
  }

  // Calls each(score, index) for every element of this thread.
  template <typename Each>
  __device__ __forceinline__ void for_each(bool backward, const Each& each) const {
    constexpr int kAhead = kChunk > 4 ? 2 : 4;  // more in flight for 16 bits would not fit into registers
    for_each_chunk<kAhead>(backward, [&](const Vector<T, kChunk>& read, int first) {
#pragma unroll
      for (int i = 0; i < kChunk; ++i) each(to_float(read.at[i]), first + i);
    });
  }

 private:
  // Steps behind the last one have no element.
  __device__ __forceinline__ int first_at(bool backward, int turn, int count) const {
    if (turn >= count) return classes;
    return first_of(backward ? count - 1 - turn : turn, threadIdx.x);
  }
};

// Writes change(score) for the scores of a chunk, those that are in the row.
template <typename T, typename Out, typename Change>
__device__ __forceinline__ void write_chunk(const RowScores<T>& row, const Vector<T, RowScores<T>::kChunk>& read,
                                            int first, Out* out, const Change& change) {
  constexpr int kChunk = RowScores<T>::kChunk;
  float of[kChunk];
#pragma unroll
  for (int i = 0; i < kChunk; ++i) of[i] = change(to_float(read.at[i]));
  if (reinterpret_cast<uintptr_t>(out) % 16 == 0 && first + kChunk <= row.classes) {
    write_vector(out + first, of);
    return;
  }
#pragma unroll
  for (int i = 0; i < kChunk; ++i) {
    if (first + i < row.classes) out[first + i] = from_float<Out>(of[i]);
  }
}

// Writes change(score) for every score of a row.
template <typename T, typename Out, typename Change>
__device__ void write_row(const RowScores<T>& row, Out* out, const Change& change) {
  for (int step = 0; step < row.steps(); ++step) {
    const int first = RowScores<T>::first_of(step, threadIdx.x);
    if (first >= row.classes) break;
    write_chunk<T>(row, row.chunk(first), first, out, change);
  }
}

}  // namespace warpwright
