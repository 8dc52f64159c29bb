// The tensor core of sm_90a for one-byte elements: accumulator types, instructions by width, matrix descriptors.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "cute/arch/mma_sm90_gmma.hpp"
#include "cute/arch/util.hpp"
#include "cutlass/numeric_types.h"

namespace warpwright {

constexpr int kSwizzleBytes = 128;  // of k in one row of shared memory: the widest swizzle of TMA and wgmma

// Swizzled stages start at multiples of eight rows of it. Nothing promises that of dynamic shared memory, so kernels ask
// for so much more and start where it is true.
constexpr int kSwizzleAlignment = 8 * kSwizzleBytes;

__device__ __forceinline__ uint8_t* align_for_swizzle(uint8_t* shared) {
  const uint32_t past = cute::cast_smem_ptr_to_uint(shared) % kSwizzleAlignment;
  return shared + (kSwizzleAlignment - past) % kSwizzleAlignment;
}

// int32 sums travel as uint32_t, as wgmma's registers do.
template <typename Element>
using Accumulator = std::conditional_t<std::is_same_v<Element, int8_t>, uint32_t, float>;

__device__ __forceinline__ float as_float(uint32_t sum) { return __int2float_rn(int32_t(sum)); }
__device__ __forceinline__ float as_float(float sum) { return sum; }

// The instruction that multiplies 64 rows by kWidth columns.
template <typename Element, int kWidth>
struct Wgmma;
#define WARPWRIGHT_WGMMA(width)                                             \
  template <>                                                               \
  struct Wgmma<int8_t, width> {                                             \
    using Atom = cute::SM90::GMMA::MMA_64x##width##x32_S32S8S8_SS_TN;       \
  };                                                                        \
  template <>                                                               \
  struct Wgmma<cutlass::float_e4m3_t, width> {                              \
    using Atom = cute::SM90::GMMA::MMA_64x##width##x32_F32E4M3E4M3_SS_TN<>; \
  };
WARPWRIGHT_WGMMA(8)
WARPWRIGHT_WGMMA(16)
WARPWRIGHT_WGMMA(32)
WARPWRIGHT_WGMMA(64)
WARPWRIGHT_WGMMA(128)
WARPWRIGHT_WGMMA(192)
WARPWRIGHT_WGMMA(256)
#undef WARPWRIGHT_WGMMA

using cute::SM90::GMMA::ScaleOut;

template <typename Atom, typename Sum, int kSize, std::size_t... kIndex>
__device__ __forceinline__ void call_wgmma(Sum (&sums)[kSize], uint64_t a, uint64_t b, ScaleOut old,
                                           std::index_sequence<kIndex...>) {
  Atom::fma(a, b, sums[kIndex]..., old);
}

// A wgmma descriptor of rows of 128 bytes, swizzled in groups of 8 rows (PTX ISA, "Matrix descriptor").
__device__ __forceinline__ uint64_t matrix_descriptor(const uint8_t* rows) {
  const uint64_t address = cute::cast_smem_ptr_to_uint(rows) >> 4;
  return (address & 0x3fff) | (uint64_t(1) << 16) | (uint64_t(8 * kSwizzleBytes >> 4) << 32) | (uint64_t(1) << 62);
}

// sums += a * b for 64 rows of a, the rows of b, and 128 bytes of k; with ScaleOut::Zero, sums = a * b.
template <typename Element, int kWidth, typename Sum, int kSize>
__device__ __forceinline__ void multiply_box(Sum (&sums)[kSize], const uint8_t* a, const uint8_t* b,
                                             ScaleOut old = ScaleOut::One) {
  static_assert(kSize == kWidth / 2);
  const uint64_t a_box = matrix_descriptor(a), b_box = matrix_descriptor(b);
#pragma unroll
  for (int i = 0; i < 4; ++i) {  // 32 bytes of k each, 2 in the descriptor's units of 16
    call_wgmma<typename Wgmma<Element, kWidth>::Atom>(sums, a_box + 2 * i, b_box + 2 * i, i == 0 ? old : ScaleOut::One,
                                                      std::make_index_sequence<kSize>{});
  }
}

// Keeps the compiler from moving uses of the sums across the start or the end of asynchronous products.
template <typename Sum, int kSize>
__device__ __forceinline__ void fence_sums(Sum (&sums)[kSize]) {
#pragma unroll
  for (int i = 0; i < kSize; ++i) cute::warpgroup_fence_operand(sums[i]);
}

// A place in a ring of stages, and the parity of its barrier's current round.
struct Slot {
  int stage = 0;
  uint32_t phase = 0;

  __device__ __forceinline__ void advance(int stages) {
    if (++stage == stages) {
      stage = 0;
      phase ^= 1;
    }
  }
};

}  // namespace warpwright
