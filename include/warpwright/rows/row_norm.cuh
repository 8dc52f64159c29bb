// What a norm needs to know of a row, and what it makes of an element: policies of the row kernels, each with the
// arguments that it needs of a problem. W is the type of its weights: that of the input, or fp32.
#pragma once

#include "warpwright/rows/row_problem.h"
#include "warpwright/rows/row_reduce.cuh"
#include "warpwright/vector.cuh"

namespace warpwright {

struct NoNorm {
  static constexpr bool kReadsWeights = false, kCentres = false;

  template <typename W>
  struct Arguments {
    explicit Arguments(const RowProblem&) {}
  };
};

// x / sqrt(mean(x^2) + eps) * (weight + weight_offset).
struct RmsNorm {
  static constexpr bool kReadsWeights = true, kCentres = false;

  template <typename W>
  struct Arguments {
    const W* weight;
    float eps, weight_offset;

    explicit Arguments(const RowProblem& p)
        : weight(static_cast<const W*>(p.weight)), eps(p.eps), weight_offset(p.weight_offset) {}
  };
};

// (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias.
struct LayerNorm {
  static constexpr bool kReadsWeights = true, kCentres = true;

  template <typename W>
  struct Arguments {
    const W *weight, *bias;
    float eps;

    explicit Arguments(const RowProblem& p)
        : weight(static_cast<const W*>(p.weight)), bias(static_cast<const W*>(p.bias)), eps(p.eps) {}
  };
};

struct RowStatistics {
  float mean = 0.f, scale = 1.f;
};

// Two passes over the elements, so that a large mean costs no digits. `for_each` calls its argument with each array of
// elements that this thread has, and with whether they count.
template <typename Norm, typename ForEach>
__device__ __forceinline__ RowStatistics statistics_of(float hidden, float eps, RowReduce& reduce,
                                                       const ForEach& for_each) {
  RowStatistics found;
  if constexpr (Norm::kCentres) {
    float sum = 0.f;
    for_each([&](const auto& x, bool counts) {
      for (float each : x) sum += counts ? each : 0.f;
    });
    found.mean = reduce.over_row<Sum>(sum) / hidden;
  }
  float squares = 0.f;
  for_each([&](const auto& x, bool counts) {
    for (float each : x) {
      const float apart = counts ? each - found.mean : 0.f;
      squares += apart * apart;
    }
  });
  found.scale = rsqrtf(reduce.over_row<Sum>(squares) / hidden + eps);
  return found;
}

// The weights of one vector, fetched before they are needed.
template <typename W, typename Norm, int kSize>
struct Weights {
  using Arguments = typename Norm::template Arguments<W>;

  Vector<W, Norm::kReadsWeights ? kSize : 1> weight;
  Vector<W, Norm::kCentres ? kSize : 1> bias;

  __device__ __forceinline__ void fetch(const Arguments& from, int64_t column) {
    if constexpr (Norm::kReadsWeights) fetch_one(from.weight + column, weight);
    if constexpr (Norm::kCentres) fetch_one(from.bias + column, bias);
  }

  __device__ __forceinline__ void apply(const Arguments& from, const RowStatistics& row, float (&x)[kSize]) const {
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      if constexpr (Norm::kCentres) {
        x[i] = (x[i] - row.mean) * row.scale * to_float(weight.at[i]) + to_float(bias.at[i]);
      } else if constexpr (Norm::kReadsWeights) {
        x[i] = x[i] * row.scale * (to_float(weight.at[i]) + from.weight_offset);
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
