// What the matrix products share: the checks of the matrices, and what a problem says of them.
#pragma once

#include "torch/checks.h"
#include "torch/launch.h"

namespace warpwright::torch_api {

// Two matrices of the same element type on one GPU, with shapes that multiply and sizes that TMA and the 16-byte loads
// of the older SMs can take.
void check_mm_matrices(const Arg& mat_a, const Arg& mat_b, ScalarType element, ScalarType out_dtype);

// The distance between the rows of a matrix whose elements along `inner` are adjacent; `layout` names that for errors.
int64_t leading_stride(const Arg& arg, int64_t inner, const char* layout);

// Starts as TMA and 16-byte loads want them. Checked last; matrices of a product that reads none may start anywhere.
void check_mm_starts(const Arg& mat_a, const Arg& mat_b);

// A problem's part that the matrices alone make, checked but for their starts.
template <typename Problem>
Problem check_mm(const Arg& mat_a, const Arg& mat_b, ScalarType element, ScalarType out_dtype) {
  check_mm_matrices(mat_a, mat_b, element, out_dtype);
  Problem problem;
  problem.m = mat_a.size(0);
  problem.k = mat_a.size(1);
  problem.n = mat_b.size(1);
  problem.lda = leading_stride(mat_a, 1, "row-major");
  problem.ldb = leading_stride(mat_b, 0, "column-major");
  problem.a = mat_a.data();
  problem.b = mat_b.data();
  problem.out_dtype = to_dtype(out_dtype);
  problem.tile = forced_tile();
  return problem;
}

}  // namespace warpwright::torch_api
