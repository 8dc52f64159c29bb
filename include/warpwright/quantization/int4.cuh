// Weights of 4 bits in registers: eight in a word become four pairs of fp16 or bf16, exactly.
//
// The trick of the FasterTransformer kernels (Kim et al., "Who Says Elephants Can't Run", arXiv:2211.10017): a nibble
// put into the low mantissa bits of 1024 (fp16) or 128 (bf16) is that number plus the nibble, and one subtraction of
// 1024 or 128 plus the zero point leaves the weight.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace warpwright {

template <typename T>
struct Pair;

template <>
struct Pair<__half> {
  using Type = __half2;
  static constexpr uint32_t kMagic = 0x64006400;  // 1024, 1024
};

template <>
struct Pair<__nv_bfloat16> {
  using Type = __nv_bfloat162;
  static constexpr uint32_t kMagic = 0x43004300;  // 128, 128
};

template <typename T>
__device__ __forceinline__ typename Pair<T>::Type as_pair(uint32_t bits) {
  return *reinterpret_cast<typename Pair<T>::Type*>(&bits);
}

template <typename Pair>
__device__ __forceinline__ uint32_t as_bits(Pair pair) {
  return *reinterpret_cast<uint32_t*>(&pair);
}

// The nibbles 0 and 4 of a word, as the magic number plus each of them.
template <typename T>
__device__ __forceinline__ typename Pair<T>::Type raised(uint32_t word) {
  uint32_t bits;  // (word & mask) | magic, in one instruction
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(bits) : "r"(word), "n"(0x000f000f), "r"(Pair<T>::kMagic));
  return as_pair<T>(bits);
}

// The magic number plus a zero point, twice.
template <typename T>
__device__ __forceinline__ typename Pair<T>::Type raised_zero(uint32_t zero) {
  return as_pair<T>(Pair<T>::kMagic + zero * 0x00010001u);
}

}  // namespace warpwright
