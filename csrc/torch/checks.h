// Checks of arguments: what failed is named with the value found and the value needed. python/warpwright/checks.py has
// the same checks in the same words, for the references and the fake kernels.
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

// A tensor argument with its name in the schema. What checks ask of it is read once: each question to torch costs as much
// as a dozen answers from here.
class Arg {
 public:
  Arg(const Tensor& tensor, const char* name);

  const Tensor& tensor;
  const char* const name;

  int64_t dim() const { return dim_; }
  int64_t size(int64_t dim) const { return sizes_[dim]; }
  int64_t stride(int64_t dim) const { return strides_[dim]; }
  int64_t numel() const;
  bool is_contiguous() const;
  ScalarType dtype() const { return tensor.scalar_type(); }
  int32_t dtype_number() const { return dtype_; }  // torch's own, which costs nothing to compare
  int32_t device_type() const { return device_type_; }
  int32_t device_index() const { return device_index_; }
  uintptr_t address() const { return reinterpret_cast<uintptr_t>(tensor.const_data_ptr()); }

 private:
  int64_t dim_ = 0;
  int64_t *sizes_ = nullptr, *strides_ = nullptr;  // the tensor's own
  int32_t dtype_ = 0, device_type_ = 0, device_index_ = 0;
};

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
void check_dtype_value(const char* name, ScalarType found, std::initializer_list<ScalarType> supported);

// The first element stands at a multiple of `bytes`.
void check_aligned(const Arg& arg, int64_t bytes);

// Elements from row to row of a tensor whose last dimension is a row; its other dimensions have to collapse into one.
int64_t row_stride(const Arg& arg);

// The same of a tensor that is written: its rows do not overlap.
int64_t out_row_stride(const Arg& out);

// Memory as rows of bytes at one distance.
struct Rows {
  int64_t start = 0, rows = 1, stride = 0, bytes = 0;
};

// The memory of a tensor whose row_stride is known.
Rows rows_of(const Arg& arg, int64_t row_stride);

// The memory from a tensor's first element to its last, as one row.
Rows span_of(const Arg& arg);

// True where both are the same bytes in the same order.
bool is_same(const Rows& one, const Rows& other);

// True where a byte belongs to both.
bool meet(const Rows& one, const Rows& other);

// The output has no byte in common with an input.
void check_apart(const Arg& out, const Rows& out_rows, const Arg& input, const Rows& input_rows);

// The launchers' element type; the dtype was checked before.
Dtype to_dtype(ScalarType type);
Dtype to_dtype(const Arg& arg);

}  // namespace warpwright::torch_api

// A macro, so that the words are made only where the condition does not hold.
#define WARPWRIGHT_CHECK(condition, ...) \
  do {                                   \
    if (!(condition)) ::warpwright::torch_api::fail(__VA_ARGS__); \
  } while (false)
