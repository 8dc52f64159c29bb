// Rows that are read, perhaps added to a residual or gated, normed, and written, as floats or quantised: what all norms
// and quantisations of rows have in common. Each operator fills in what it has.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

// How many elements have one scale.
enum class ScaleOf { kTensor, kRow, kGroup };

// What a row is quantised to: q = round(x / scale), held between `least` and `most`. The scale of a tensor is read; that
// of a row or of a group of its elements is written: max(largest magnitude, eps) / most.
struct Quantization {
  Dtype dtype = Dtype::kFloat8E4M3;  // or kInt8
  ScaleOf scale_of = ScaleOf::kTensor;
  void* scales = nullptr;  // float; bytes of exponents, four to a word, where `packed`
  int64_t scale_row_stride = 0, scale_group_stride = 0;  // in elements of `scales`, of words where `packed`
  int64_t scale_expert_stride = 0;                       // from the rows of one expert to those of the next
  int64_t group = 0, groups = 0;                         // elements of a group, and groups of a row
  float least = 0, most = 0, inverse_of_most = 0, eps = 0;
  bool power_of_two = false, packed = false;  // scales are rounded up to a power of two; and stored as its exponent

  void hold_between(float lower, float upper) {
    least = lower;
    most = upper;
    inverse_of_most = 1.f / upper;
  }
};

struct RowProblem {
  void* out = nullptr;           // (rows, hidden), out_stride elements from row to row
  const void* input = nullptr;   // (rows, hidden), or (rows, 2 * hidden) where it is gated
  void* residual = nullptr;      // (rows, hidden); null where nothing is added. It gets the sum
  const void* weight = nullptr;  // (hidden)
  const void* bias = nullptr;    // (hidden); of layernorm
  int64_t rows = 0, hidden = 0;
  int64_t out_stride = 0, input_stride = 0, residual_stride = 0;
  bool gated = false;  // what counts is the SiLU of the first half of the input's row, times its second half
  float eps = 1e-6f;
  float weight_offset = 0;  // added to each weight
  Dtype dtype = Dtype::kBFloat16, weight_dtype = Dtype::kBFloat16;
  Quantization quantization;
  int64_t expert_rows = 0;                  // rows that an expert has room for; 0: rows are of no experts, and may be
                                            // more than 32 bits count
  const int32_t* rows_of_expert = nullptr;  // how many of them count, the others are left out; null: all do
  bool dependent = false;                   // programmatic dependent launch
};

using RowLaunch = Status(const RowProblem&, const Device&, cudaStream_t);

}  // namespace warpwright
