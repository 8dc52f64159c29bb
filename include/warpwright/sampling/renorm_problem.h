// The rows of probabilities or logits of which the largest stay: the problem and its launchers.
#pragma once

#include "warpwright/device.h"
#include "warpwright/sampling/draw_problem.h"

namespace warpwright {

struct RenormProblem {
  void* out = nullptr;           // (rows, classes), contiguous
  const void* scores = nullptr;  // (rows, classes), row_stride elements from row to row
  int64_t rows = 0, classes = 0, row_stride = 0;
  Dtype dtype = Dtype::kFloat32;
  RowNumber<int32_t> top_k;
  RowNumber<float> top_p;
  bool dependent = false;
};

using RenormLaunch = Status(const RenormProblem&, cudaStream_t);

RenormLaunch top_k_renorm_probs, top_p_renorm_probs, top_k_mask_logits;

struct SoftmaxProblem {
  float* out = nullptr;          // (rows, classes), contiguous
  const void* logits = nullptr;  // (rows, classes), row_stride elements from row to row
  int64_t rows = 0, classes = 0, row_stride = 0;
  Dtype dtype = Dtype::kFloat32;
  RowNumber<float> temperature;
  bool has_clusters = false;  // the code is for an SM that has them
  bool dependent = false;
};

using SoftmaxLaunch = Status(const SoftmaxProblem&, const Device&, cudaStream_t);

SoftmaxLaunch softmax;

}  // namespace warpwright
