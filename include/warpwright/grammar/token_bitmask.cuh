// Kernel that masks logits. Where all tokens of a vector of 16 bytes are masked, it is written at once, and where none is,
// nothing is done: no logit is read. Of the others, where there is little to do, each token is written by itself, which
// waits for nothing; where there is much, the vector is read and written, since the memory would read it for a part too.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/divider.h"
#include "warpwright/grammar/token_bitmask.h"
#include "warpwright/vector.cuh"

namespace warpwright {

constexpr int kBitmaskThreads = 256;

// What the launcher makes of a problem: a block takes a part of a row in each of its turns.
struct BitmaskWork {
  TokenBitmaskProblem problem;
  int64_t turns = 0;  // of all rows
  Divider part;       // by the parts of a row
};

// Which of kCount tokens from `first` on are masked, as bits. Those before the row or behind it are not: `first` may be
// less than zero, since a vector begins where 16 bytes do, and a row need not.
template <int kCount>
__device__ __forceinline__ uint32_t masked_tokens(const uint32_t* mask, int64_t first, int64_t tokens) {
  if (first >= tokens) return 0;
  const int64_t word = first >> 5;
  const uint32_t place = uint32_t(first) & 31;
  uint32_t kept = word < 0 ? ~0u : mask[word];
  if (place + kCount > 32) {
    kept = __funnelshift_r(kept, (word + 1) * 32 < tokens ? mask[word + 1] : ~0u, place);
  } else {
    kept >>= place;
  }
  const uint32_t asked = first + kCount <= tokens ? (1u << kCount) - 1 : (1u << (tokens - first)) - 1;
  return ~kept & asked;
}

// The logits of a vector, on their way from a mask to -infinity where the mask has ones.
template <typename Element>
struct MaskedVector {
  static constexpr int kCount = 16 / sizeof(Element);
  static constexpr uint32_t kAll = (1u << kCount) - 1;
  Element* to;
  uint32_t masked;
  bool is_read = false;
  Vector<Element, kCount> held;

  // Asks for the logits where some are kept; `is_whole` says that all are of the row.
  __device__ __forceinline__ void read(bool is_whole) {
    is_read = is_whole && masked != 0 && masked != kAll;
    if (is_read) held = vector_at<Element, kCount>(to);
  }

  // `lowest` holds the bits of -infinity once or twice.
  __device__ __forceinline__ void write(uint32_t lowest) {
    if (masked == kAll) {
      *reinterpret_cast<uint4*>(to) = {lowest, lowest, lowest, lowest};
    } else if (is_read) {
#pragma unroll
      for (int i = 0; i < kCount; ++i) held.at[i] = masked >> i & 1 ? static_cast<Element>(lowest) : held.at[i];
      *reinterpret_cast<Vector<Element, kCount>*>(to) = held;
    } else {
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        if (masked >> i & 1) to[i] = static_cast<Element>(lowest);
      }
    }
  }
};

// The row of both tensors that a row of the work is; -1 where there is none of that number.
__device__ __forceinline__ int64_t bitmask_row(const TokenBitmaskProblem& p, int64_t row) {
  if (p.indices == nullptr) return row;
  const int64_t index =
      p.are_wide ? static_cast<const int64_t*>(p.indices)[row] : static_cast<const int32_t*>(p.indices)[row];
  return index >= 0 && index < p.logit_rows && index < p.mask_rows ? index : -1;
}

// Element has the size of a logit.
template <typename Element, int kHeld>
__global__ void __launch_bounds__(kBitmaskThreads) token_bitmask_kernel(BitmaskWork work, uint32_t lowest) {
  constexpr int kCount = 16 / sizeof(Element);
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const TokenBitmaskProblem& p = work.problem;
  for (int64_t turn = blockIdx.x; turn < work.turns; turn += gridDim.x) {
    const int64_t which = work.part.divide(turn), row = bitmask_row(p, which);
    if (row < 0) continue;
    Element* logits = static_cast<Element*>(p.logits) + row * p.logit_stride;
    const uint32_t* mask = p.bitmask + row * p.mask_stride;
    const int64_t before = int64_t(reinterpret_cast<uintptr_t>(logits) % 16 / sizeof(Element));
    const int64_t vector = (turn - which * work.part.divisor()) * kHeld * kBitmaskThreads + threadIdx.x;
    MaskedVector<Element> vectors[kHeld];
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const int64_t first = (vector + i * kBitmaskThreads) * kCount - before;
      vectors[i] = {logits + first, masked_tokens<kCount>(mask, first, p.tokens)};
      if (kHeld > 1) vectors[i].read(first >= 0 && first + kCount <= p.tokens);
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) vectors[i].write(lowest);
  }
}

}  // namespace warpwright
