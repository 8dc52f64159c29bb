// Torch's dtypes: their names, torch's numbers of them, and the launchers' element types.
#pragma once

#include <torch/headeronly/core/ScalarType.h>

#include <cstdint>

#include "warpwright/dtype.h"

namespace warpwright::torch_api {

using ScalarType = torch::headeronly::ScalarType;

// The names that Python users know; those of the header say Char and Half.
const char* name_of(ScalarType type);

// Torch's number of a dtype, -1 for one that no check here asks for often. Tensor::scalar_type() tries the dtypes one
// by one, which takes 70 ns for float8: as long as a dozen other checks.
int32_t number_of(ScalarType type);

// The launchers' element type of a dtype that was checked before, or of its number.
Dtype to_dtype(ScalarType type);
Dtype to_dtype(int32_t number);

}  // namespace warpwright::torch_api
