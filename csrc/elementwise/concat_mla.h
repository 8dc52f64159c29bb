// What the operators that join rows share.
#pragma once

#include "torch/arg.h"
#include "warpwright/elementwise/concat_mla.h"

namespace warpwright::torch_api {

// Refuses all dtypes but those of activations and caches, none of which is computed with.
void check_concat_dtypes(const Arg& first, const Arg& second);

// A part whose elements are found by two distances, of its first dimension and of its second. A distance that leads
// nowhere is 0: it constrains no vector.
ConcatPart concat_part_of(const Arg& arg, int64_t group_stride, int64_t row_stride);

}  // namespace warpwright::torch_api
