// Checks of arguments: what failed is named with the value found and the value needed. python/warpwright/checks.py has
// the same checks in the same words, for the references and the fake kernels. All of an operator's checks come before
// its launch scope, in the order of the reference, so that a machine without a GPU can compare the words.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "torch/arg.h"
#include "torch/dtypes.h"
#include "torch/fail.h"

namespace warpwright::torch_api {

void check_same_device(const Arg& arg, const Arg& other);
void check_dim(const Arg& arg, int64_t dim);
void check_min_dim(const Arg& arg, int64_t dim);
void check_size(const Arg& arg, int64_t dim, int64_t expected, const char* why);
void check_numel(const Arg& arg, int64_t expected, const char* why);
void check_dtype(const Arg& arg, std::initializer_list<ScalarType> supported);
void check_same_dtype(const Arg& arg, const Arg& other);
void check_same_shape(const Arg& arg, const Arg& other);
void check_inner_stride(const Arg& arg);  // elements of the last dimension are adjacent
void check_contiguous(const Arg& arg);
void check_multiple(const char* what, int64_t value, int64_t of);
void check_at_most(const char* what, int64_t value, int64_t most, const char* why);
void check_at_least(const char* what, int64_t value, int64_t least);
void check_above(const char* what, double value, double bound, const char* why = "");
void check_dtype_value(const char* name, ScalarType found, std::initializer_list<ScalarType> supported);
void check_aligned(const Arg& arg, int64_t bytes);  // the first element stands at a multiple of `bytes`

}  // namespace warpwright::torch_api
