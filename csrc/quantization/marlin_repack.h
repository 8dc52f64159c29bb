// What gptq_marlin_repack and awq_marlin_repack share: the checks of a checkpoint's words, the output, and the launch.
#pragma once

#include "torch/arg.h"
#include "warpwright/quantization/int4.h"
#include "warpwright/sm_path.h"

namespace warpwright::torch_api {

// Sizes of weights that Marlin's tiles cover, of 4 bits each.
void check_repack_size(int64_t size_k, int64_t size_n, int64_t num_bits);

// A checkpoint's words, in so many rows and columns.
void check_packed(const Arg& words, int64_t rows, int64_t columns);

// The words in Marlin's order.
Tensor repack(const char* op, const SmPath<RepackLaunch>* paths, const Arg& words, RepackProblem problem);

}  // namespace warpwright::torch_api
