// The tensor core of sm_90a for one-byte elements: accumulator types, instructions by width, matrix descriptors.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "cute/arch/mma_sm90_gmma.hpp"
#include "cute/arch/util.hpp"
#include "cutlass/numeric_types.h"

namespace warpwright {

constexpr int kSwizzleBytes = 128;  // of k in one row of a swizzle atom: the widest swizzle of TMA and wgmma

// The swizzle repeats every eight rows, and operands start where it does. Nothing promises that of dynamic shared
// memory, so kernels ask for so much more and put their SharedStorage where it is true.
constexpr int kSwizzleAlignment = 8 * kSwizzleBytes;

__device__ __forceinline__ uint8_t* align_for_swizzle(uint8_t* shared) {
  const uint32_t past = cute::cast_smem_ptr_to_uint(shared) % kSwizzleAlignment;
  return shared + (kSwizzleAlignment - past) % kSwizzleAlignment;
}

// Some rows of an operand by the 128 bytes of k that a swizzle atom spans: what one TMA box fills.
//
// Structs of these say where all things lie in shared memory, but the kernels take their addresses as bytes and offsets
// of 32 bits: through arrays of structs nvcc 13.0 spends more registers, up to four in a mainloop.
template <int kRows>
struct SwizzledRows {
  uint8_t rows[kRows][kSwizzleBytes];
};

// int32 accumulators travel as uint32_t, as wgmma's registers do.
template <typename Element>
using Accumulator = std::conditional_t<std::is_same_v<Element, int8_t>, uint32_t, float>;

__device__ __forceinline__ float as_float(uint32_t accum) { return __int2float_rn(int32_t(accum)); }
__device__ __forceinline__ float as_float(float accum) { return accum; }

// The instruction of 64 x kN.
template <typename Element, int kN>
struct Wgmma;
#define WARPWRIGHT_WGMMA(n)                                             \
  template <>                                                           \
  struct Wgmma<int8_t, n> {                                             \
    using Atom = cute::SM90::GMMA::MMA_64x##n##x32_S32S8S8_SS_TN;       \
  };                                                                    \
  template <>                                                           \
  struct Wgmma<cutlass::float_e4m3_t, n> {                              \
    using Atom = cute::SM90::GMMA::MMA_64x##n##x32_F32E4M3E4M3_SS_TN<>; \
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

template <typename Atom, typename Accum, int kSize, std::size_t... kIndex>
__device__ __forceinline__ void call_wgmma(Accum (&accum)[kSize], uint64_t a, uint64_t b, ScaleOut scale_d,
                                           std::index_sequence<kIndex...>) {
  Atom::fma(a, b, accum[kIndex]..., scale_d);
}

// A wgmma descriptor of swizzled rows (PTX ISA, "Matrix descriptor").
__device__ __forceinline__ uint64_t matrix_descriptor(const uint8_t* rows) {
  const uint64_t address = cute::cast_smem_ptr_to_uint(rows) >> 4;
  return (address & 0x3fff) | (uint64_t(1) << 16) | (uint64_t(8 * kSwizzleBytes >> 4) << 32) | (uint64_t(1) << 62);
}

// accum += a * b for 64 rows of a, kN rows of b and 128 bytes of k; with ScaleOut::Zero, accum = a * b.
template <typename Element, int kN, typename Accum, int kSize>
__device__ __forceinline__ void wgmma_k128(Accum (&accum)[kSize], const uint8_t* a, const uint8_t* b,
                                           ScaleOut scale_d = ScaleOut::One) {
  static_assert(kSize == kN / 2);
  const uint64_t desc_a = matrix_descriptor(a), desc_b = matrix_descriptor(b);
#pragma unroll
  for (int i = 0; i < 4; ++i) {  // 32 bytes of k each, 2 in the descriptor's units of 16
    call_wgmma<typename Wgmma<Element, kN>::Atom>(accum, desc_a + 2 * i, desc_b + 2 * i,
                                                  i == 0 ? scale_d : ScaleOut::One, std::make_index_sequence<kSize>{});
  }
}

// Keeps the compiler from moving uses of the accumulators across the start or the end of asynchronous products.
template <typename Accum, int kSize>
__device__ __forceinline__ void fence_accum(Accum (&accum)[kSize]) {
#pragma unroll
  for (int i = 0; i < kSize; ++i) cute::warpgroup_fence_operand(accum[i]);
}

// A stage of the pipeline, and the parity of its barrier's current round.
struct PipelineState {
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
