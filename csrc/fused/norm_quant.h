// What the norms share whose result is quantised: their checks, which make a problem.
#pragma once

#include <optional>

#include "torch/arg.h"
#include "warpwright/rows/row_problem.h"

namespace warpwright::torch_api {

struct NormQuant {
  const Arg &out, &scales, &input, &weight;
  const Arg* residual = nullptr;  // is added, and gets the sum
  const Arg* bias = nullptr;      // of a layer norm, whose weights may be float32
  ScaleOf scale_of = ScaleOf::kTensor;
  int64_t group = 0;
};

// A problem without rows where there is nothing to write; `out`, `residual` and scales that are written are left to the
// caller.
RowProblem check_norm_quant(const NormQuant& args);

// A scale for each row or, where a size is given, for each group of so many of its elements.
constexpr ScaleOf scale_of(const std::optional<int64_t>& group_size) {
  return group_size.has_value() ? ScaleOf::kGroup : ScaleOf::kRow;
}

}  // namespace warpwright::torch_api
