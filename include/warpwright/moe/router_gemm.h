// The product of a few tokens' hidden states and the weights of a router, one row for each expert.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/dtype.h"
#include "warpwright/sm_path.h"
#include "warpwright/status.h"

namespace warpwright {

// out[t, e] = sum over k of hidden_states[t, k] * weights[e, k], summed in fp32 and rounded once. Rows of the result
// are adjacent.
struct RouterGemmProblem {
  const void *hidden_states = nullptr, *weights = nullptr;
  void* out = nullptr;
  Dtype dtype = Dtype::kBFloat16, out_dtype = Dtype::kBFloat16;  // of what is read: fp16 or bf16
  int64_t tokens = 0, experts = 0, hidden = 0;
  int64_t token_stride = 0, expert_stride = 0;  // in elements
  Sm path = 0;                                  // the SM whose code runs
  bool dependent = false;                       // programmatic dependent launch
};

using RouterGemmLaunch = Status(const RouterGemmProblem&, cudaStream_t);

RouterGemmLaunch dsv3_router_gemm;

}  // namespace warpwright
