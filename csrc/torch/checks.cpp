#include "torch/checks.h"

#include <cstdio>
#include <string>

namespace warpwright::torch_api {

namespace {

std::string list_of(std::initializer_list<ScalarType> types) {
  std::string text;
  for (ScalarType type : types) text += (text.empty() ? "" : " or ") + std::string(name_of(type));
  return text;
}

bool contains(std::initializer_list<ScalarType> types, ScalarType wanted) {
  for (ScalarType type : types) {
    if (type == wanted) return true;
  }
  return false;
}

// As Python's format g has it.
std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", value);
  return text;
}

}  // namespace

void check_same_device(const Arg& arg, const Arg& other) {
  const bool same = arg.device_type() == other.device_type() && arg.device_index() == other.device_index();
  WARPWRIGHT_CHECK(same, arg.name, " is on ", device_of(arg), " and ", other.name, " on ", device_of(other),
                   "; both have to be on one device");
}

void check_dim(const Arg& arg, int64_t dim) {
  WARPWRIGHT_CHECK(arg.dim() == dim, arg.name, " has ", arg.dim(), " dimensions, shape ", shape_of(arg), "; expected ",
                   dim);
}

void check_min_dim(const Arg& arg, int64_t dim) {
  WARPWRIGHT_CHECK(arg.dim() >= dim, arg.name, " has ", arg.dim(), " dimensions; expected at least ", dim);
}

void check_size(const Arg& arg, int64_t dim, int64_t expected, const char* why) {
  const int64_t found = arg.size(dim);
  WARPWRIGHT_CHECK(found == expected, arg.name, " has shape ", shape_of(arg), ": size ", found, " in dimension ", dim,
                   ", expected ", expected, " (", why, ")");
}

void check_numel(const Arg& arg, int64_t expected, const char* why) {
  WARPWRIGHT_CHECK(arg.numel() == expected, arg.name, " has shape ", shape_of(arg), " with ", arg.numel(),
                   " elements, expected ", expected, " (", why, ")");
}

void check_dtype(const Arg& arg, std::initializer_list<ScalarType> supported) {
  for (ScalarType type : supported) {
    if (number_of(type) == arg.dtype_number()) return;
  }
  check_dtype_value(arg.name, arg.dtype(), supported);
}

void check_dtype_value(const char* name, ScalarType found, std::initializer_list<ScalarType> supported) {
  WARPWRIGHT_CHECK(contains(supported, found), name, " has dtype ", name_of(found), ", expected ", list_of(supported));
}

void check_same_dtype(const Arg& arg, const Arg& other) {
  WARPWRIGHT_CHECK(arg.dtype_number() == other.dtype_number(), arg.name, " has dtype ", name_of(arg.dtype()),
                   ", expected ", name_of(other.dtype()), ", the dtype of ", other.name);
}

void check_same_shape(const Arg& arg, const Arg& other) {
  bool same = arg.dim() == other.dim();
  for (int64_t dim = 0; same && dim < arg.dim(); ++dim) same = arg.size(dim) == other.size(dim);
  WARPWRIGHT_CHECK(same, arg.name, " has shape ", shape_of(arg), ", expected ", shape_of(other), ", the shape of ",
                   other.name);
}

void check_inner_stride(const Arg& arg) {
  const int64_t dim = arg.dim();
  WARPWRIGHT_CHECK(dim == 0 || arg.size(dim - 1) <= 1 || arg.stride(dim - 1) == 1, arg.name, " has strides ",
                   strides_of(arg),
                   ", expected 1 in the last dimension: pass a contiguous tensor or a slice of whole rows");
}

void check_contiguous(const Arg& arg) {
  WARPWRIGHT_CHECK(arg.is_contiguous(), arg.name, " has shape ", shape_of(arg), " and strides ", strides_of(arg),
                   ", expected a contiguous tensor: call .contiguous() on it");
}

void check_multiple(const char* what, int64_t value, int64_t of) {
  WARPWRIGHT_CHECK(value % of == 0, what, " is ", value, ", expected a multiple of ", of);
}

void check_at_most(const char* what, int64_t value, int64_t most, const char* why) {
  WARPWRIGHT_CHECK(value <= most, what, " is ", value, ", expected at most ", most, ": ", why);
}

void check_at_least(const char* what, int64_t value, int64_t least) {
  WARPWRIGHT_CHECK(value >= least, what, " is ", value, ", expected at least ", least);
}

void check_above(const char* what, double value, double bound, const char* why) {
  WARPWRIGHT_CHECK(value > bound, what, " is ", number_text(value), ", expected more than ", number_text(bound), why);
}

void check_aligned(const Arg& arg, int64_t bytes) {
  const uintptr_t past = arg.address() % static_cast<uintptr_t>(bytes);
  WARPWRIGHT_CHECK(past == 0, arg.name, " starts ", past, " bytes past a multiple of ", bytes,
                   ", expected an aligned start: slice at a multiple of ", bytes, " bytes, or clone the tensor");
}

}  // namespace warpwright::torch_api
