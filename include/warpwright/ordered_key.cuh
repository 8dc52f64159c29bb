// Floats as unsigned numbers in the same order, so that a radix sort and a comparison of whole numbers order them too.
// Method: Herf, "Radix Tricks", 2001: the bits of a negative number turned over, and the sign bit of the others set.
//
// The order is that of torch.topk and torch.sort: -inf is the least, both zeros are equal, and so are all NaNs, which
// come after +inf. What is equal has one key, so a key gives back its float but for the sign of a zero and the bits of
// a NaN; is_key_exact tells where. No float has the key 0, which therefore can stand for none.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace warpwright {

namespace ordered_key_bits {

__device__ __forceinline__ uint32_t of(float x) { return __float_as_uint(x); }
__device__ __forceinline__ uint16_t of(__half x) { return __half_as_ushort(x); }
__device__ __forceinline__ uint16_t of(__nv_bfloat16 x) { return __bfloat16_as_ushort(x); }

__device__ __forceinline__ void set(float* to, uint32_t bits) { *to = __uint_as_float(bits); }
__device__ __forceinline__ void set(__half* to, uint32_t bits) { *to = __ushort_as_half(uint16_t(bits)); }
__device__ __forceinline__ void set(__nv_bfloat16* to, uint32_t bits) { *to = __ushort_as_bfloat16(uint16_t(bits)); }

}  // namespace ordered_key_bits

template <typename T>
inline constexpr uint32_t kInfinityBits = 0x7f800000u;
template <>
inline constexpr uint32_t kInfinityBits<__half> = 0x7c00u;
template <>
inline constexpr uint32_t kInfinityBits<__nv_bfloat16> = 0x7f80u;

// Bits of a key of T; it stands in the lowest ones of a word.
template <typename T>
constexpr int kKeyBits = 8 * sizeof(T);

template <typename T>
constexpr uint32_t kKeyOfNan = sizeof(T) == 4 ? 0xffffffffu : 0xffffu;  // the largest
template <typename T>
constexpr uint32_t kKeyOfZero = 1u << (kKeyBits<T> - 1);

constexpr uint32_t kKeyOfNone = 0;  // less than every float's

// The key of a float by its bits, which are as many as those of T; `infinity` are those of +inf.
template <typename T>
__device__ __forceinline__ uint32_t ordered_key_of_bits(uint32_t bits, uint32_t infinity) {
  const uint32_t magnitude = bits & (kKeyOfZero<T> - 1), sign = bits >> (kKeyBits<T> - 1);
  const uint32_t turned = bits ^ kKeyOfZero<T> ^ ((0u - sign) & (kKeyOfZero<T> - 1));  // without a branch
  const uint32_t key = turned + (bits == kKeyOfZero<T>);
  return magnitude > infinity ? kKeyOfNan<T> : key;
}

// The bits of the float of a key: of the zeros the positive one, of the NaNs the positive one whose bits are all set.
template <typename T>
__device__ __forceinline__ uint32_t bits_of_ordered_key(uint32_t key) {
  return key >= kKeyOfZero<T> ? key ^ kKeyOfZero<T> : kKeyOfNan<T> - key;
}

template <typename T>
__device__ __forceinline__ uint32_t ordered_key(T x) {
  return ordered_key_of_bits<T>(ordered_key_bits::of(x), kInfinityBits<T>);
}

template <typename T>
__device__ __forceinline__ T from_ordered_key(uint32_t key) {
  T value;
  ordered_key_bits::set(&value, bits_of_ordered_key<T>(key));
  return value;
}

// True where one float alone has the key.
template <typename T>
__device__ __forceinline__ bool is_key_exact(uint32_t key) {
  return key != kKeyOfZero<T> && key != kKeyOfNan<T>;
}

}  // namespace warpwright
