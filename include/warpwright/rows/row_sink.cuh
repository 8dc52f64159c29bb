// Where a finished row goes: policies of the row kernels, each with the arguments that it needs of a problem. One that
// finds scales needs all of a row, or of a group, before it writes any.
#pragma once

#include "warpwright/quantize.cuh"
#include "warpwright/rows/row_problem.h"
#include "warpwright/rows/row_reduce.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

// The dtype of the input, rounded once.
template <typename T>
struct FloatSink {
  static constexpr bool kQuantizes = false, kFindsScales = false, kByGroup = false;

  struct Arguments {
    T* out;
    int64_t out_stride;

    explicit Arguments(const RowProblem& p) : out(static_cast<T*>(p.out)), out_stride(p.out_stride) {}
  };

  T* out;

  __device__ FloatSink(const Arguments& to, int64_t row) : out(to.out + row * to.out_stride) {}

  __device__ static bool counts(const Arguments&, int64_t) { return true; }

  template <int kSize>
  __device__ void write(int64_t column, const float (&x)[kSize]) const {
    write_vector<T>(out + column, x);
  }
};

constexpr float kLeastNormal = 1.17549435e-38f;  // 2^-126: the inverses of smaller scales are no finite numbers

// How a largest magnitude becomes a scale.
struct ScaleRule {
  float most, inverse_of_most, eps;
  bool power_of_two;

  explicit ScaleRule(const Quantization& to)
      : most(to.most), inverse_of_most(to.inverse_of_most), eps(to.eps), power_of_two(to.power_of_two) {}
};

// The scale of what has this largest magnitude: zero where it would be less than a normal number. A NaN is a NaN's scale.
__device__ __forceinline__ float scale_of(const ScaleRule& rule, float largest) {
  const float held = largest < rule.eps ? rule.eps : largest;
  // held / most, rounded once: the product with the rounded inverse, corrected by what is left (Markstein, "Computation
  // of elementary functions on the IBM RISC System/6000 processor", 1990).
  const float product = held * rule.inverse_of_most;
  const float quotient = fmaf(fmaf(-product, rule.most, held), rule.inverse_of_most, product);
  const float scale = held < INFINITY ? quotient : held;
  if (rule.power_of_two) return power_of_two_above(scale);
  return scale < kLeastNormal ? 0.f : scale;
}

// Its inverse, to a unit in the last place: that of zero, and of what counts as zero, is zero.
__device__ __forceinline__ float factor_of(float scale) {
  return fabsf(scale) < kLeastNormal ? 0.f : __fdividef(1.f, scale);
}

// What all have in common that write fp8 or int8: x times a factor, which is the inverse of a scale.
struct QuantizedSink {
  static constexpr bool kQuantizes = true;

  struct Arguments {
    uint8_t* out;
    int64_t out_stride;
    void* scales;
    Rounding rounding;
    ScaleRule rule;

    explicit Arguments(const RowProblem& p)
        : out(static_cast<uint8_t*>(p.out)),
          out_stride(p.out_stride),
          scales(p.quantization.scales),
          rounding(p.quantization.dtype, p.quantization.least, p.quantization.most),
          rule(p.quantization) {}
  };

  const Rounding& rounding;
  uint8_t* out;

  __device__ QuantizedSink(const Arguments& to, int64_t row)
      : rounding(to.rounding), out(to.out + row * to.out_stride) {}

  __device__ static bool counts(const Arguments&, int64_t) { return true; }

  template <int kSize>
  __device__ void write(int64_t column, const float (&x)[kSize], float factor) const {
    float scaled[kSize];
#pragma unroll
    for (int i = 0; i < kSize; ++i) scaled[i] = x[i] * factor;
    write_quantized(rounding, scaled, out + column);
  }
};

// One scale for the tensor, which is there already.
struct TensorSink : QuantizedSink {
  static constexpr bool kFindsScales = false, kByGroup = false;

  float factor;

  __device__ TensorSink(const Arguments& to, int64_t row)
      : QuantizedSink(to, row), factor(factor_of(*static_cast<const float*>(to.scales))) {}

  template <int kSize>
  __device__ void write(int64_t column, const float (&x)[kSize]) const {
    QuantizedSink::write(column, x, factor);
  }
};

// One for each row.
struct RowSink : QuantizedSink {
  static constexpr bool kFindsScales = true, kByGroup = false;

  struct Arguments : QuantizedSink::Arguments {
    int64_t scale_row_stride;

    explicit Arguments(const RowProblem& p)
        : QuantizedSink::Arguments(p), scale_row_stride(p.quantization.scale_row_stride) {}
  };

  float* scale;

  __device__ RowSink(const Arguments& to, int64_t row)
      : QuantizedSink(to, row), scale(static_cast<float*>(to.scales) + row * to.scale_row_stride) {}
};

// A float for each group of a row.
struct GroupSink : QuantizedSink {
  static constexpr bool kFindsScales = true, kByGroup = true;

  struct Arguments : QuantizedSink::Arguments {
    int64_t scale_row_stride, scale_group_stride;
    int log2_group;

    explicit Arguments(const RowProblem& p)
        : QuantizedSink::Arguments(p),
          scale_row_stride(p.quantization.scale_row_stride),
          scale_group_stride(p.quantization.scale_group_stride),
          log2_group(log2_of(p.quantization.group)) {}

    static int log2_of(int64_t group) {
      int log2 = 0;
      while (int64_t{2} << log2 <= group) ++log2;
      return log2;
    }
  };

  float* scales;
  int64_t scale_group_stride;

  __device__ GroupSink(const Arguments& to, int64_t row)
      : QuantizedSink(to, row),
        scales(static_cast<float*>(to.scales) + row * to.scale_row_stride),
        scale_group_stride(to.scale_group_stride) {}

  __device__ void write_scale(int64_t group, float scale) const { scales[group * scale_group_stride] = scale; }
  __device__ static void fill_last_word() {}
};

// The same in all other ways that are asked for: rows of experts, not all of which count, and scales whose exponents are
// packed four to a word.
struct AnyGroupSink : QuantizedSink {
  static constexpr bool kFindsScales = true, kByGroup = true;

  struct Arguments : GroupSink::Arguments {
    int64_t group, groups;
    int64_t scale_expert_stride;
    const int32_t* rows_of_expert;
    uint32_t expert_rows;
    bool packed;

    explicit Arguments(const RowProblem& p)
        : GroupSink::Arguments(p),
          group(p.quantization.group),
          groups(p.quantization.groups),
          scale_expert_stride(p.quantization.scale_expert_stride),
          rows_of_expert(p.rows_of_expert),
          expert_rows(uint32_t(p.expert_rows)),
          packed(p.quantization.packed) {}
  };

  const Arguments& to;
  float* scales;

  __device__ AnyGroupSink(const Arguments& arguments, int64_t row)
      : QuantizedSink(arguments, row), to(arguments), scales(static_cast<float*>(to.scales) + scales_of_row(to, row)) {}

  // False for a row of an expert that does not count.
  __device__ static bool counts(const Arguments& to, int64_t row) {
    if (to.rows_of_expert == nullptr) return true;
    const RowOfExpert found(to, row);
    return int64_t{found.row} < to.rows_of_expert[found.expert];
  }

  __device__ void write_scale(int64_t group, float scale) const {
    float* at = scales + (to.packed ? group / 4 : group) * to.scale_group_stride;
    if (to.packed) {
      reinterpret_cast<uint8_t*>(at)[group & 3] = exponent_of(scale);
    } else {
      *at = scale;
    }
  }

  // Of a packed word that the last groups of a row do not fill, the rest is zero.
  __device__ void fill_last_word() const {
    if (!to.packed) return;
#pragma unroll 1
    for (int64_t i = to.groups; i % 4 != 0; ++i) write_scale(i, 0.f);
  }

 private:
  // Which row of which expert a row is; in 32 bits, since a division in 64 is longer than all else that a thread does.
  struct RowOfExpert {
    __device__ RowOfExpert(const Arguments& to, int64_t row)
        : expert(uint32_t(row) / to.expert_rows), row(uint32_t(row) - expert * to.expert_rows) {}

    uint32_t expert, row;
  };

  __device__ static int64_t scales_of_row(const Arguments& to, int64_t row) {
    if (to.expert_rows == 0) return row * to.scale_row_stride;
    const RowOfExpert found(to, row);
    return found.expert * to.scale_expert_stride + found.row * to.scale_row_stride;
  }
};

}  // namespace warpwright
