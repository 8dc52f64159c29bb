// Quantisation of the gated halves of rows: the launcher.
#pragma once

#include "warpwright/rows/row_problem.h"

namespace warpwright {

// out[r, i] = round(silu(input[r, i]) * input[r, hidden + i] / scale), with a scale for the tensor (read), for each row or
// for each group of a row.
RowLaunch silu_and_mul_quant;

}  // namespace warpwright
