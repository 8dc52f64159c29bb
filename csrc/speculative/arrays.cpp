#include "speculative/arrays.h"

#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

void check_array(const Arg& arg, const Arg& on, std::initializer_list<ScalarType> types,
                 std::initializer_list<Expected> sizes) {
  check_same_device(arg, on);
  check_dtype(arg, types);
  check_dim(arg, int64_t(sizes.size()));
  int64_t dim = 0;
  for (const Expected& expected : sizes) {
    if (expected.size >= 0) check_size(arg, dim, expected.size, expected.why);
    ++dim;
  }
  check_contiguous(arg);
}

void check_indices(const Arg& arg, const Arg& on, std::initializer_list<Expected> sizes) {
  check_array(arg, on, {ScalarType::Int, ScalarType::Long}, sizes);
}

void check_separate(std::initializer_list<const Arg*> outs, std::initializer_list<const Arg*> inputs) {
  for (auto out = outs.begin(); out != outs.end(); ++out) {
    const Rows rows = span_of(**out);
    for (const Arg* input : inputs) check_apart(**out, rows, *input, span_of(*input));
    for (auto other = out + 1; other != outs.end(); ++other) check_apart(**out, rows, **other, span_of(**other));
  }
}

IndexArray index_array(const Arg& arg) {
  return {arg.data(), arg.dtype_number() == number_of(ScalarType::Long)};
}

IndexOutput index_output(const Arg& arg) {
  return {arg.tensor.mutable_data_ptr(), arg.dtype_number() == number_of(ScalarType::Long)};
}

}  // namespace warpwright::torch_api
