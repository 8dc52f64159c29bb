// What the operators that quantise groups of a row's elements share, whatever their names.
#pragma once

#include "torch/arg.h"
#include "torch/launch.h"
#include "warpwright/rows/row_problem.h"

namespace warpwright::torch_api {

struct GroupQuantArgs {
  const Tensor &input, &output_q, &output_s;
  int64_t group_size;
  double eps, least, most;
  bool scale_ue8m0, fuse_silu_and_mul;
  const std::optional<Tensor>& masked_m;
};

// Checks and launches.
void group_quant(const char* op, const SmPath<RowLaunch>* paths, std::initializer_list<ScalarType> out_types,
                 const GroupQuantArgs& args);

}  // namespace warpwright::torch_api
