// What the operators on drafted tokens share: contiguous arrays of given sizes, and whole numbers of either width.
// python/warpwright/speculative/_arrays.py has the same checks in the same words.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

#include "torch/arg.h"
#include "warpwright/speculative/index_array.h"

namespace warpwright::torch_api {

struct Expected {
  int64_t size = -1;  // any where it is negative
  const char* why = "";
};

// A contiguous array of these dtypes and sizes, on the device of `on`.
void check_array(const Arg& arg, const Arg& on, std::initializer_list<ScalarType> types,
                 std::initializer_list<Expected> sizes);

// The same of int32 or int64.
void check_indices(const Arg& arg, const Arg& on, std::initializer_list<Expected> sizes);

// No output has a byte in common with an input, or with another output.
void check_separate(std::initializer_list<const Arg*> outs, std::initializer_list<const Arg*> inputs);

IndexArray index_array(const Arg& arg);
IndexOutput index_output(const Arg& arg);

}  // namespace warpwright::torch_api
