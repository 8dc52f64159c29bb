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

// Two passes over the elements, so that a large mean costs no digits. `for_each` calls its argument with each array of
// elements that this thread has, and with whether they count.
template <typename Norm, typename ForEach>
__device__ __forceinline__ RowStatistics statistics_of(const RowProblem& p, RowReduce& reduce, const ForEach& for_each) {
  RowStatistics found;
  if constexpr (!Norm::kReadsWeights) return found;
  const float count = static_cast<float>(p.hidden);
  if constexpr (Norm::kCentres) {
    float sum = 0.f;
    for_each([&](const auto& x, bool counts) {
      for (float each : x) sum += counts ? each : 0.f;
    });
    found.mean = reduce.over_row<Sum>(sum) / count;
  }
  float squares = 0.f;
  for_each([&](const auto& x, bool counts) {
    for (float each : x) {
      const float apart = counts ? each - found.mean : 0.f;
      squares += apart * apart;
    }
  });
  found.scale = rsqrtf(reduce.over_row<Sum>(squares) / count + p.eps);
  return found;
}

// The weights of one vector, fetched before they are needed. W is their type: that of the input, or fp32.
template <typename W, typename Norm, int kSize>
struct Weights {
  Vector<W, Norm::kReadsWeights ? kSize : 1> weight;
  Vector<W, Norm::kCentres ? kSize : 1> bias;

  __device__ __forceinline__ void fetch(const RowProblem& p, int64_t column) {
    if constexpr (Norm::kReadsWeights) fetch_one(static_cast<const W*>(p.weight) + column, weight);
    if constexpr (Norm::kCentres) fetch_one(static_cast<const W*>(p.bias) + column, bias);
  }

  __device__ __forceinline__ void apply(const RowProblem& p, const RowStatistics& row, float (&x)[kSize]) const {
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      if constexpr (Norm::kCentres) {
        x[i] = (x[i] - row.mean) * row.scale * to_float(weight.at[i]) + to_float(bias.at[i]);
      } else if constexpr (Norm::kReadsWeights) {
        x[i] = x[i] * row.scale * (to_float(weight.at[i]) + p.weight_offset);
      }
    }
  }

 private:
  __device__ __forceinline__ static void fetch_one(const W* from, Vector<W, kSize>& to) {
    constexpr int kPart = kSize < kFullVector<W> ? kSize : kFullVector<W>;
#pragma unroll
    for (int i = 0; i < kSize; i += kPart) {
      const Vector<W, kPart> part = vector_at<W, kPart>(from + i);
#pragma unroll
      for (int j = 0; j < kPart; ++j) to.at[i + j] = part.at[j];
    }
  }
};

}  // namespace warpwright
