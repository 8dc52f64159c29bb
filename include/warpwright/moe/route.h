// The choice of experts for each token, and their weights: the problem and its launcher.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/dtype.h"
#include "warpwright/status.h"

namespace warpwright {

enum class Scoring {
  kSoftmax,  // of all logits of the token, with the bias among them
  kSigmoid,  // of each logit; the bias has a part in the choice alone
};

// Of each token the `routed` experts of the largest scores, in that order, the lowest index first among equals; a NaN
// counts as -inf. Without a bias they are those of the largest logits. Where there are several groups, they come from
// the `kept_groups` groups whose two largest scores have the largest sums. Behind them stand `shared` experts that
// every token has, those after the last.
struct RouteProblem {
  float* weights = nullptr;       // (tokens, routed + shared)
  void* ids = nullptr;            // the same, int32, or int64 where ids_of_64_bits
  int32_t* source_rows = nullptr;  // the same: k * tokens + token; or null
  const void* logits = nullptr;   // (tokens, experts)
  const void* bias = nullptr;     // (experts), of the dtype of the logits, or float32 where bias_is_float32; or null
  int64_t tokens = 0, experts = 0;
  int64_t routed = 0, shared = 0;
  int64_t groups = 1, kept_groups = 1;
  int64_t weights_stride = 0, ids_stride = 0, source_rows_stride = 0, logits_stride = 0;  // from token to token
  Dtype dtype = Dtype::kFloat32;
  bool bias_is_float32 = true, ids_of_64_bits = false;
  Scoring scoring = Scoring::kSoftmax;
  float softcap = 0, inverse_softcap = 0;  // c * tanh(logit / c) stands for a logit; 0 for none
  bool renormalize = false;  // to a sum of 1; weights that are all zero stay so
  float scale = 1;           // of the weights, at the end
  float shared_weight = 0;   // of each shared expert
  bool dependent = false;    // programmatic dependent launch
};

using RouteLaunch = Status(const RouteProblem&, const Device&, cudaStream_t);

RouteLaunch topk_softmax;

}  // namespace warpwright
