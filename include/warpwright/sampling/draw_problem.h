// samples[i] = a class by chance, with the weights of a row of scores: the problem and its launchers.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/random.h"
#include "warpwright/status.h"

namespace warpwright {

// Classes of a row, at most: sums of weights are taken as whole numbers, of 12 bits each in 32.
constexpr int64_t kMostClasses = 1 << 20;

// A number for all rows, or one for each.
template <typename Number>
struct RowNumber {
  const Number* each = nullptr;
  Number all = 0;
};

// Which classes may be drawn.
enum class Filter { kNone, kTopP, kMinP, kTopKTopP };

struct DrawProblem {
  Filter filter = Filter::kNone;
  void* samples = nullptr;        // (draws), int32 or int64
  bool* valid = nullptr;          // (draws): false where the row had no class to draw
  const void* scores = nullptr;   // (rows, classes), row_stride elements from row to row
  const void* indices = nullptr;  // (draws), int32 or int64: the row of each draw; null: its own
  int64_t draws = 0, rows = 0, classes = 0, row_stride = 0;
  Dtype dtype = Dtype::kFloat32;
  bool long_samples = false, long_indices = false;
  RowNumber<int32_t> top_k;
  RowNumber<float> top_p, min_p;
  bool top_k_first = true;  // top_p is of what top_k left; otherwise of the whole row
  RandomSource random;
  bool dependent = false;
};

// Of probabilities with any filter; of logits with none or kTopKTopP.
using DrawLaunch = Status(const DrawProblem&, cudaStream_t);

DrawLaunch sampling_from_probs, sampling_from_logits;

}  // namespace warpwright
