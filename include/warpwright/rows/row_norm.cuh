// What a norm needs to know of a row, and what it makes of an element: policies of the row kernels.
#pragma once

#include "warpwright/rows/row_problem.h"
#include "warpwright/rows/row_reduce.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

struct NoNorm {
  static constexpr bool kReadsWeights = false, kCentres = false;
};

// x / sqrt(mean(x^2) + eps) * (weight + weight_offset).
struct RmsNorm {
  static constexpr bool kReadsWeights = true, kCentres = false;
};

// (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias.
struct LayerNorm {
  static constexpr bool kReadsWeights = true, kCentres = true;
};

struct RowStatistics {
  float mean = 0.f, scale = 1.f;
};

// Two passes over the elements, so that a large mean costs no digits. `for_each` calls its argument with each element
// that this thread has.
template <typename Norm, typename ForEach>
__device__ __forceinline__ RowStatistics statistics_of(const RowProblem& p, RowReduce& reduce, const ForEach& for_each) {
  RowStatistics found;
  if constexpr (!Norm::kReadsWeights) return found;
  const float count = static_cast<float>(p.hidden);
  if constexpr (Norm::kCentres) {
    float sum = 0.f;
    for_each([&](float x) { sum += x; });
    found.mean = reduce.over_row<Sum>(sum) / count;
  }
  float squares = 0.f;
  for_each([&](float x) { squares += (x - found.mean) * (x - found.mean); });
  found.scale = rsqrtf(reduce.over_row<Sum>(squares) / count + p.eps);
  return found;
}

// Weights have the dtype of the input or are fp32.
template <typename T, int kSize>
__device__ __forceinline__ void read_weights(const RowProblem& p, const void* from, int64_t column, float (&to)[kSize]) {
  if (p.weight_dtype == p.dtype) {
    read_vector<T>(static_cast<const T*>(from) + column, to);
  } else {
    constexpr int kPart = kSize < 4 ? kSize : 4;
#pragma unroll
    for (int i = 0; i < kSize; i += kPart) {
      float part[kPart];
      read_vector<float>(static_cast<const float*>(from) + column + i, part);
#pragma unroll
      for (int j = 0; j < kPart; ++j) to[i + j] = part[j];
    }
  }
}

template <typename T, typename Norm, int kSize>
__device__ __forceinline__ void apply_norm(const RowProblem& p, const RowStatistics& row, int64_t column,
                                           float (&x)[kSize]) {
  if constexpr (!Norm::kReadsWeights) return;
  float weight[kSize], bias[kSize] = {};
  read_weights<T>(p, p.weight, column, weight);
  if constexpr (Norm::kCentres) read_weights<T>(p, p.bias, column, bias);
#pragma unroll
  for (int i = 0; i < kSize; ++i) {
    if constexpr (Norm::kCentres) {
      x[i] = (x[i] - row.mean) * row.scale * weight[i] + bias[i];
    } else {
      x[i] = x[i] * row.scale * (weight[i] + p.weight_offset);
    }
  }
}

}  // namespace warpwright
