// Kernel that masks logits. Where all tokens of a vector of 16 bytes are masked, it is written at once, and where none
// is, nothing is done: no logit is read, and what counts is how few instructions say so. Of the others, where there is
// little to do, each token is written by itself, which waits for nothing; where there is much, the vector is read and
// written, since the memory would read it for a part too.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/grammar/token_bitmask.h"
#include "warpwright/vector.cuh"

namespace warpwright {

constexpr int kBitmaskThreads = 256;
#if defined(__CUDA_ARCH__) && (__CUDA_ARCH__ == 800 || __CUDA_ARCH__ == 900)
constexpr int kBitmaskBlocksOfSm = 8;  // all that the threads of an SM allow: of few registers each
#else
constexpr int kBitmaskBlocksOfSm = 4;
#endif
constexpr int kVectorsAtOnce = 4;  // that a thread reads before it writes any

// The vectors of kCount logits that a thread has, by kVectors, and a block, side by side.
template <typename Element, int kVectors>
struct BitmaskPart {
  static constexpr int kCount = 16 / sizeof(Element);
  static constexpr int kStep = kCount * kBitmaskThreads;  // tokens from one vector of a thread to its next
  static constexpr int kTokens = kStep * kVectors;
  static constexpr uint32_t kAll = (1u << kCount) - 1;
};

// Which tokens of a thread are masked, as bits, vector by vector, where all are of the row: `first` is the first one.
// All vectors have the same place in their words, and may lie in two of those where a row does not begin with a vector.
template <typename Part, int kVectors>
__device__ __forceinline__ uint32_t masked_inside(const uint32_t* mask, int64_t first) {
  constexpr int kWords = Part::kStep / 32;
  const uint32_t* word = mask + (first >> 5);
  const uint32_t place = uint32_t(first) & 31;
  uint32_t masked = 0;
  if (place + Part::kCount <= 32) {
#pragma unroll
    for (int i = 0; i < kVectors; ++i) masked |= (~(word[i * kWords] >> place) & Part::kAll) << i * Part::kCount;
  } else {
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      const uint32_t kept = __funnelshift_r(word[i * kWords], word[i * kWords + 1], place);
      masked |= (~kept & Part::kAll) << i * Part::kCount;
    }
  }
  return masked;
}

// The same of one vector of which tokens may lie before the row or behind it: `first` may be less than zero.
template <typename Part>
__device__ __forceinline__ uint32_t masked_at_edge(const uint32_t* mask, int64_t first, int64_t tokens) {
  if (first >= tokens) return 0;
  const int64_t word = first >> 5;
  const uint32_t kept = __funnelshift_r(word < 0 ? ~0u : mask[word], (word + 1) * 32 < tokens ? mask[word + 1] : ~0u,
                                        uint32_t(first) & 31);
  const uint32_t asked = first + Part::kCount <= tokens ? Part::kAll : (1u << (tokens - first)) - 1;
  return ~kept & asked;
}

// Four words of logits with -infinity where `masked` has ones; `lowest` holds that once or twice.
template <typename Element>
__device__ __forceinline__ uint4 masked_vector(const uint4& held, uint32_t masked, uint32_t lowest) {
  uint32_t words[4] = {held.x, held.y, held.z, held.w};
  const uint32_t odd_above = masked | masked << 15;  // the two bits of a word are 16 apart, and the next word's above
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if constexpr (sizeof(Element) == 4) {
      words[i] = masked >> i & 1 ? lowest : words[i];
    } else {
      const uint32_t halves = (odd_above >> 2 * i & 0x10001u) * 0xffffu;
      words[i] = (words[i] & ~halves) | (lowest & halves);
    }
  }
  return {words[0], words[1], words[2], words[3]};
}

// As one instruction: the compiler makes four of it where it has one value for all, or few registers.
template <typename Element>
__device__ __forceinline__ void write_whole(Element* to, const uint4& words) {
  asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(words.x), "r"(words.y), "r"(words.z),
               "r"(words.w)
               : "memory");
}

// Masks tokens of a vector by themselves.
template <typename Element, int kUnroll>
__device__ __forceinline__ void mask_each(Element* to, uint32_t masked, uint32_t lowest) {
#pragma unroll kUnroll
  for (int i = 0; i < 16 / int(sizeof(Element)); ++i) {
    if (masked >> i & 1) to[i] = static_cast<Element>(lowest);
  }
}

// Masks vectors that are wholly of the row, and reads those of which some tokens are kept.
template <typename Element, typename Part>
__device__ __forceinline__ void mask_vectors(Element* to, uint32_t masked, uint32_t lowest) {
  uint4 held[kVectorsAtOnce];
#pragma unroll
  for (int i = 0; i < kVectorsAtOnce; ++i) {
    const uint32_t of_vector = masked >> i * Part::kCount & Part::kAll;
    held[i] = {};
    if (of_vector != 0 && of_vector != Part::kAll) held[i] = *reinterpret_cast<const uint4*>(to + i * Part::kStep);
  }
#pragma unroll
  for (int i = 0; i < kVectorsAtOnce; ++i) {
    const uint32_t of_vector = masked >> i * Part::kCount & Part::kAll;
    if (of_vector != 0) write_whole(to + i * Part::kStep, masked_vector<Element>(held[i], of_vector, lowest));
  }
}

// Returns which tokens of a thread are masked where some of its vectors may not be wholly of the row; of those, where
// they are to be read as a whole, it masks the tokens itself.
template <typename Element, typename Part, int kVectors>
__device__ __forceinline__ uint32_t masked_near_edge(Element* to, const uint32_t* mask, int64_t first, int64_t tokens,
                                                     uint32_t lowest) {
  uint32_t masked = 0;
#pragma unroll
  for (int i = 0; i < kVectors; ++i) {
    const int64_t from = first + i * Part::kStep;
    const uint32_t of_vector = masked_at_edge<Part>(mask, from, tokens);
    if (kVectors == 1 || (from >= 0 && from + Part::kCount <= tokens)) {
      masked |= of_vector << i * Part::kCount;
    } else {
      mask_each<Element, 1>(to + i * Part::kStep, of_vector, lowest);
    }
  }
  return masked;
}

// Of a row, the part from token `part` on; vectors begin where 16 bytes do, and a row need not.
template <typename Element, int kVectors>
__device__ __forceinline__ void mask_part(const TokenBitmaskProblem& p, int64_t row, int64_t part, uint32_t lowest) {
  using Part = BitmaskPart<Element, kVectors>;
  Element* logits = static_cast<Element*>(p.logits) + row * p.logit_stride;
  const uint32_t* mask = p.bitmask + row * p.mask_stride;
  part -= int64_t(reinterpret_cast<uintptr_t>(logits) % 16 / sizeof(Element));
  const int64_t first = part + int(threadIdx.x) * Part::kCount;
  Element* to = logits + first;
  const bool is_inside = part >= 0 && part + Part::kTokens <= p.tokens;
  const uint32_t masked = is_inside
                              ? masked_inside<Part, kVectors>(mask, first)
                              : masked_near_edge<Element, Part, kVectors>(to, mask, first, p.tokens, lowest);
  if (masked == 0) return;
  if constexpr (kVectors > 1) {
#pragma unroll
    for (int i = 0; i < kVectors; i += kVectorsAtOnce) {
      mask_vectors<Element, Part>(to + i * Part::kStep, masked >> i * Part::kCount, lowest);
    }
  } else if (masked == Part::kAll) {
    write_whole(to, {lowest, lowest, lowest, lowest});
  } else {
    mask_each<Element, Part::kCount>(to, masked, lowest);
  }
}

// The row of both tensors that a row of the work is; -1 where there is none of that number.
__device__ __forceinline__ int64_t bitmask_row(const TokenBitmaskProblem& p, int64_t row) {
  if (p.indices == nullptr) return row;
  const int64_t index =
      p.are_wide ? static_cast<const int64_t*>(p.indices)[row] : static_cast<const int32_t*>(p.indices)[row];
  return index >= 0 && index < p.logit_rows && index < p.mask_rows ? index : -1;
}

// Element has the size of a logit. A block has the same part of every row that it takes.
template <typename Element, int kVectors>
__global__ void __launch_bounds__(kBitmaskThreads, kBitmaskBlocksOfSm)
    token_bitmask_kernel(TokenBitmaskProblem p, uint32_t lowest) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  const int64_t part = int64_t{blockIdx.x} * BitmaskPart<Element, kVectors>::kTokens;
#pragma unroll 1
  for (uint32_t turn = 0;; ++turn) {
    const int64_t which = int64_t{turn} * gridDim.y + blockIdx.y;
    if (which >= p.rows) return;
    const int64_t row = bitmask_row(p, which);
    if (row >= 0) mask_part<Element, kVectors>(p, row, part, lowest);
  }
}

}  // namespace warpwright
