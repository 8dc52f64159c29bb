// What the matrix products share: the checks of the matrices, and the output.
#pragma once

#include <torch/csrc/stable/tensor.h>

#include "torch/checks.h"

namespace warpwright::torch_api {

// Two matrices of the same element type on one GPU, with shapes that multiply and sizes that TMA and the 16-byte loads
// of the older SMs can take.
void check_mm_matrices(const Arg& mat_a, const Arg& mat_b, ScalarType element, ScalarType out_dtype);

// The distance between the rows of a matrix whose elements along `inner` are adjacent; `layout` names that for errors.
int64_t leading_stride(const Arg& arg, int64_t inner, const char* layout);

// An unwritten row-major (m, n) matrix beside mat_a.
Tensor empty_mm_output(const Arg& mat_a, ScalarType out_dtype, int64_t m, int64_t n);

}  // namespace warpwright::torch_api
