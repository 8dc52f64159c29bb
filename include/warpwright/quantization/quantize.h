// Quantisation of floats to 8 bits: the launchers.
#pragma once

#include "warpwright/rows/row_problem.h"

namespace warpwright {

// out[r, i] = round(x / scale), where x is input[r, i], or its gated halves', with a scale for the tensor (read), for
// each row or for each group of a row.
RowLaunch sgl_per_token_quant_fp8;

// The same with one scale for all rows, which comes of the largest magnitude of them all and is written. Its blocks share
// what they find by way of the workspace.
using TensorQuantLaunch = Status(const RowProblem&, const Device&, Workspace, cudaStream_t);
TensorQuantLaunch sgl_per_tensor_quant_fp8;

}  // namespace warpwright
