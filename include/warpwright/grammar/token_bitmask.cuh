// Kernel that masks logits. None is read: where all tokens of a vector of 16 bytes are masked, it is written at once, and
// where none is, nothing is done.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/divider.h"
#include "warpwright/grammar/token_bitmask.h"

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

// Writes -infinity, as its bits, where a mask has ones.
template <typename Element, int kCount>
__device__ __forceinline__ void write_lowest(Element* to, uint32_t masked, uint32_t lowest) {
  if (masked == (1u << kCount) - 1) {
    *reinterpret_cast<uint4*>(to) = {lowest, lowest, lowest, lowest};
    return;
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    if (masked >> i & 1) to[i] = static_cast<Element>(lowest);
  }
}

// The row of both tensors that a row of the work is; -1 where there is none of that number.
__device__ __forceinline__ int64_t bitmask_row(const TokenBitmaskProblem& p, int64_t row) {
  if (p.indices == nullptr) return row;
  const int64_t index =
      p.are_wide ? static_cast<const int64_t*>(p.indices)[row] : static_cast<const int32_t*>(p.indices)[row];
  return index >= 0 && index < p.logit_rows && index < p.mask_rows ? index : -1;
}

// Element has the size of a logit; `lowest` holds -infinity once or twice.
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
    uint32_t masked[kHeld];
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      masked[i] = masked_tokens<kCount>(mask, (vector + i * kBitmaskThreads) * kCount - before, p.tokens);
    }
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      write_lowest<Element, kCount>(logits + (vector + i * kBitmaskThreads) * kCount - before, masked[i], lowest);
    }
  }
}

}  // namespace warpwright
