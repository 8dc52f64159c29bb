// Where a finished row goes: policies of the row kernels.
#pragma once

#include "warpwright/quantize.cuh"
#include "warpwright/rows/row_problem.h"
#include "warpwright/rows/row_reduce.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

// The dtype of the input, rounded once.
template <typename T>
struct FloatSink {
  static constexpr bool kQuantizes = false, kByGroup = false;
  T* out;

  __device__ FloatSink(const RowProblem& p, int64_t row) : out(static_cast<T*>(p.out) + row * p.out_stride) {}

  template <int kSize>
  __device__ void write(int64_t column, const float (&x)[kSize], float) const {
    write_vector<T>(out + column, x);
  }
};

// fp8 or int8: x times a factor, which is the inverse of a scale: that of a group of elements, or of more than those.
template <bool kIsByGroup>
struct QuantizedSink {
  static constexpr bool kQuantizes = true, kByGroup = kIsByGroup;
  const Quantization& to;
  uint8_t* out;

  __device__ QuantizedSink(const RowProblem& p, int64_t row)
      : to(p.quantization), out(static_cast<uint8_t*>(p.out) + row * p.out_stride) {}

  template <int kSize>
  __device__ void write(int64_t column, const float (&x)[kSize], float factor) const {
    float scaled[kSize];
#pragma unroll
    for (int i = 0; i < kSize; ++i) scaled[i] = x[i] * factor;
    write_quantized(to.dtype, to.least, to.most, scaled, out + column);
  }
};

template <int kSize>
__device__ __forceinline__ float largest_of(const float (&x)[kSize]) {
  float largest = 0.f;
#pragma unroll
  for (int i = 0; i < kSize; ++i) largest = Max::join(largest, fabsf(x[i]));
  return largest;
}

constexpr float kLeastNormal = 1.17549435e-38f;  // 2^-126: the inverses of smaller scales are no finite numbers

// The scale of what has this largest magnitude: zero where it would be less than a normal number. A NaN is a NaN's scale.
__device__ __forceinline__ float scale_of(const Quantization& to, float largest) {
  const float held = largest < to.eps ? to.eps : largest;
  // held / most, rounded once: the product with the rounded inverse, corrected by what is left (Markstein, "Computation
  // of elementary functions on the IBM RISC System/6000 processor", 1990).
  const float product = held * to.inverse_of_most;
  const float quotient = fmaf(fmaf(-product, to.most, held), to.inverse_of_most, product);
  const float scale = held < INFINITY ? quotient : held;
  if (to.power_of_two) return power_of_two_above(scale);
  return scale < kLeastNormal ? 0.f : scale;
}

// Its inverse, to a unit in the last place: that of zero, and of what counts as zero, is zero.
__device__ __forceinline__ float factor_of(float scale) {
  return fabsf(scale) < kLeastNormal ? 0.f : __fdividef(1.f, scale);
}

// Which row of which expert a row is; in 32 bits, since a division in 64 is longer than all else that a thread does.
struct RowOfExpert {
  __device__ RowOfExpert(const RowProblem& p, int64_t row)
      : expert(uint32_t(row) / uint32_t(p.expert_rows)), row(uint32_t(row) - expert * uint32_t(p.expert_rows)) {}

  uint32_t expert, row;
};

// Where the scales of a row begin, in elements of `scales`.
__device__ __forceinline__ int64_t scales_of_row(const RowProblem& p, int64_t row) {
  const Quantization& to = p.quantization;
  if (p.expert_rows == 0) return row * to.scale_row_stride;
  const RowOfExpert found(p, row);
  return found.expert * to.scale_expert_stride + found.row * to.scale_row_stride;
}

__device__ __forceinline__ void write_scale(const Quantization& to, int64_t scales_of_row, int64_t group, float scale) {
  float* at = static_cast<float*>(to.scales) + scales_of_row + (to.packed ? group / 4 : group) * to.scale_group_stride;
  if (to.packed) {
    reinterpret_cast<uint8_t*>(at)[group & 3] = exponent_of(scale);
  } else {
    *at = scale;
  }
}

// Of a packed word that the last groups of a row do not fill, the rest is zero.
__device__ __forceinline__ void fill_last_word(const Quantization& to, int64_t scales_of_row) {
  if (!to.packed) return;
#pragma unroll 1
  for (int64_t i = to.groups; i % 4 != 0; ++i) write_scale(to, scales_of_row, i, 0.f);
}

}  // namespace warpwright
