// Checks of arguments: what failed is named with the value found and the value needed.
#pragma once

#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "warpwright/dtype.h"

namespace warpwright::torch_api {

using torch::stable::Tensor;
using ScalarType = torch::headeronly::ScalarType;

inline std::string to_text(const char* part) { return part; }
inline std::string to_text(const std::string& part) { return part; }
template <typename Number, typename = std::enable_if_t<std::is_integral_v<Number>>>
std::string to_text(Number part) {
  return std::to_string(part);
}

// Torch turns this into a RuntimeError with these words and no others.
template <typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw std::runtime_error((to_text(parts) + ...));
}

// A tensor argument with its name in the schema.
struct Arg {
  const Tensor& tensor;
  const char* name;
};

void check_cuda(const Arg& arg);
void check_same_device(const Arg& arg, const Arg& other);
void check_dim(const Arg& arg, int64_t dim);
void check_min_dim(const Arg& arg, int64_t dim);
void check_size(const Arg& arg, int64_t dim, int64_t expected, const char* why);
void check_numel(const Arg& arg, int64_t expected, const char* why);
void check_dtype(const Arg& arg, std::initializer_list<ScalarType> supported);
void check_same_dtype(const Arg& arg, const Arg& other);
void check_same_shape(const Arg& arg, const Arg& other);
void check_aligned(const Arg& arg, int64_t bytes);
void check_inner_stride(const Arg& arg);  // elements of the last dimension are adjacent
void check_contiguous(const Arg& arg);
void check_multiple(const char* what, int64_t value, int64_t of);
void check_dtype_value(const char* name, ScalarType found, std::initializer_list<ScalarType> supported);

// Elements from row to row of a tensor whose last dimension is a row; its other dimensions have to collapse into one.
int64_t row_stride(const Arg& arg);

// The launchers' element type; the dtype was checked before.
Dtype to_dtype(ScalarType type);

}  // namespace warpwright::torch_api

// A macro, so that the words are made only where the condition does not hold.
#define WARPWRIGHT_CHECK(condition, ...) \
  do {                                   \
    if (!(condition)) ::warpwright::torch_api::fail(__VA_ARGS__); \
  } while (false)

#define WARPWRIGHT_ARG(tensor) (::warpwright::torch_api::Arg{tensor, #tensor})
