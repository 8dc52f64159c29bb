// Norms of rows whose result is quantised to 8 bits: the launchers.
#pragma once

#include "warpwright/rows/row_problem.h"

namespace warpwright {

// What rmsnorm and layernorm write (elementwise/norm.h), quantised before it is rounded: out = norm / scale, with one
// scale for all (read), or one for each row or each group of a row, which is written.
RowLaunch rmsnorm_quant;
RowLaunch layernorm_quant;

}  // namespace warpwright
