#include "torch/checks.h"

#include <torch/csrc/inductor/aoti_torch/c/shim.h>

#include <string>

namespace warpwright::torch_api {

namespace {

std::string list_of(const char* (*name)(ScalarType), std::initializer_list<ScalarType> types) {
  std::string text;
  for (ScalarType type : types) text += (text.empty() ? "" : " or ") + std::string(name(type));
  return text;
}

std::string tuple_of(const Tensor& tensor, int64_t (Tensor::*read)(int64_t) const) {
  std::string text = "(";
  for (int64_t dim = 0; dim < tensor.dim(); ++dim) text += (dim ? ", " : "") + std::to_string((tensor.*read)(dim));
  return text + (tensor.dim() == 1 ? ",)" : ")");  // as Python writes it
}

std::string shape_of(const Tensor& tensor) { return tuple_of(tensor, &Tensor::size); }
std::string strides_of(const Tensor& tensor) { return tuple_of(tensor, &Tensor::stride); }

// The names that Python users know; those of the header say Char and Half.
const char* name_of(ScalarType type) {
  switch (type) {
    case ScalarType::Half:
      return "float16";
    case ScalarType::BFloat16:
      return "bfloat16";
    case ScalarType::Float:
      return "float32";
    case ScalarType::Double:
      return "float64";
    case ScalarType::Byte:
      return "uint8";
    case ScalarType::Char:
      return "int8";
    case ScalarType::Int:
      return "int32";
    case ScalarType::Long:
      return "int64";
    case ScalarType::Float8_e4m3fn:
      return "float8_e4m3fn";
    default:
      return torch::headeronly::toString(type);
  }
}

// Torch's number of a dtype, -1 for one that no check here asks for often. Tensor::scalar_type() tries the dtypes one by
// one, which takes 70 ns for float8: as long as a dozen other checks.
int32_t number_of(ScalarType type) {
  switch (type) {
    case ScalarType::Half:
      return aoti_torch_dtype_float16();
    case ScalarType::BFloat16:
      return aoti_torch_dtype_bfloat16();
    case ScalarType::Float:
      return aoti_torch_dtype_float32();
    case ScalarType::Char:
      return aoti_torch_dtype_int8();
    case ScalarType::Float8_e4m3fn:
      return aoti_torch_dtype_float8_e4m3fn();
    default:
      return -1;
  }
}

struct Place {
  int32_t type = 0, index = 0;
};

Place place_of(const Tensor& tensor) {
  Place place;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_type(tensor.get(), &place.type));
  place.index = tensor.get_device_index();
  return place;
}

std::string name_of(const Place& place) {
  if (place.type == aoti_torch_device_type_cpu()) return "cpu";
  if (place.type == aoti_torch_device_type_meta()) return "meta";
  if (place.type == aoti_torch_device_type_cuda()) return "cuda:" + std::to_string(place.index);
  return "a device of type " + std::to_string(place.type);
}

bool contains(std::initializer_list<ScalarType> types, ScalarType wanted) {
  for (ScalarType type : types) {
    if (type == wanted) return true;
  }
  return false;
}

}  // namespace

void check_same_device(const Arg& arg, const Arg& other) {
  const Place found = place_of(arg.tensor), wanted = place_of(other.tensor);
  WARPWRIGHT_CHECK(found.type == wanted.type && found.index == wanted.index, arg.name, " is on ", name_of(found), " and ",
                   other.name, " on ", name_of(wanted), "; both have to be on one device");
}

void check_dim(const Arg& arg, int64_t dim) {
  WARPWRIGHT_CHECK(arg.tensor.dim() == dim, arg.name, " has ", arg.tensor.dim(), " dimensions, shape ",
                  shape_of(arg.tensor), "; expected ", dim);
}

void check_min_dim(const Arg& arg, int64_t dim) {
  WARPWRIGHT_CHECK(arg.tensor.dim() >= dim, arg.name, " has ", arg.tensor.dim(), " dimensions; expected at least ", dim);
}

void check_size(const Arg& arg, int64_t dim, int64_t expected, const char* why) {
  const int64_t found = arg.tensor.size(dim);
  WARPWRIGHT_CHECK(found == expected, arg.name, " has shape ", shape_of(arg.tensor), ": size ", found, " in dimension ",
                  dim, ", expected ", expected, " (", why, ")");
}

void check_numel(const Arg& arg, int64_t expected, const char* why) {
  WARPWRIGHT_CHECK(arg.tensor.numel() == expected, arg.name, " has shape ", shape_of(arg.tensor), " with ",
                  arg.tensor.numel(), " elements, expected ", expected, " (", why, ")");
}

void check_dtype(const Arg& arg, std::initializer_list<ScalarType> supported) {
  int32_t found = -1;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_dtype(arg.tensor.get(), &found));
  for (ScalarType type : supported) {
    if (number_of(type) == found) return;
  }
  check_dtype_value(arg.name, arg.tensor.scalar_type(), supported);
}

void check_dtype_value(const char* name, ScalarType found, std::initializer_list<ScalarType> supported) {
  WARPWRIGHT_CHECK(contains(supported, found), name, " has dtype ", name_of(found), ", expected ",
                  list_of(&name_of, supported));
}

void check_same_dtype(const Arg& arg, const Arg& other) {
  WARPWRIGHT_CHECK(arg.tensor.scalar_type() == other.tensor.scalar_type(), arg.name, " has dtype ",
                  name_of(arg.tensor.scalar_type()), ", expected ", name_of(other.tensor.scalar_type()),
                  ", the dtype of ", other.name);
}

void check_same_shape(const Arg& arg, const Arg& other) {
  bool same = arg.tensor.dim() == other.tensor.dim();
  for (int64_t dim = 0; same && dim < arg.tensor.dim(); ++dim) same = arg.tensor.size(dim) == other.tensor.size(dim);
  WARPWRIGHT_CHECK(same, arg.name, " has shape ", shape_of(arg.tensor), ", expected ", shape_of(other.tensor),
                  ", the shape of ", other.name);
}

void check_inner_stride(const Arg& arg) {
  const int64_t dim = arg.tensor.dim();
  WARPWRIGHT_CHECK(dim == 0 || arg.tensor.size(dim - 1) <= 1 || arg.tensor.stride(dim - 1) == 1, arg.name,
                  " has strides ", strides_of(arg.tensor),
                  ", expected 1 in the last dimension: pass a contiguous tensor or a slice of whole rows");
}

void check_contiguous(const Arg& arg) {
  WARPWRIGHT_CHECK(arg.tensor.is_contiguous(), arg.name, " has shape ", shape_of(arg.tensor), " and strides ",
                  strides_of(arg.tensor), ", expected a contiguous tensor: call .contiguous() on it");
}

void check_multiple(const char* what, int64_t value, int64_t of) {
  WARPWRIGHT_CHECK(value % of == 0, what, " is ", value, ", expected a multiple of ", of);
}

void check_at_most(const char* what, int64_t value, int64_t most, const char* why) {
  WARPWRIGHT_CHECK(value <= most, what, " is ", value, ", expected at most ", most, ": ", why);
}

void check_aligned(const Arg& arg, int64_t bytes) {
  const auto address = reinterpret_cast<uintptr_t>(arg.tensor.const_data_ptr());
  WARPWRIGHT_CHECK(address % static_cast<uintptr_t>(bytes) == 0, arg.name, " starts ", address % bytes,
                  " bytes past a multiple of ", bytes, ", expected an aligned start: slice at a multiple of ", bytes,
                  " bytes, or clone the tensor");
}

int64_t row_stride(const Arg& arg) {
  const int64_t dim = arg.tensor.dim();
  if (dim == 1) return arg.tensor.size(0);
  int64_t rows = arg.tensor.size(dim - 2);
  int64_t stride = arg.tensor.stride(dim - 2);
  for (int64_t outer = dim - 3; outer >= 0; --outer) {
    const int64_t size = arg.tensor.size(outer);
    if (rows <= 1) stride = arg.tensor.stride(outer);
    WARPWRIGHT_CHECK(size <= 1 || rows <= 1 || arg.tensor.stride(outer) == rows * stride, arg.name, " has strides ",
                    strides_of(arg.tensor), " for shape ", shape_of(arg.tensor),
                    ", expected rows at one distance from each other: call .contiguous() on it");
    rows *= size;
  }
  return stride;
}

int64_t out_row_stride(const Arg& out) {
  const int64_t stride = row_stride(out), dim = out.tensor.dim(), row = out.tensor.size(dim - 1);
  WARPWRIGHT_CHECK(stride >= row || out.tensor.numel() <= row, out.name, " has strides ", strides_of(out.tensor),
                   " for shape ", shape_of(out.tensor), ", expected rows that do not overlap: at least ", row,
                   " elements apart");
  return stride;
}

namespace {

int64_t address_of(const Tensor& tensor) { return reinterpret_cast<int64_t>(tensor.const_data_ptr()); }

int64_t element_bytes(const Tensor& tensor) {
  int32_t dtype = 0;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_dtype(tensor.get(), &dtype));
  return static_cast<int64_t>(aoti_torch_dtype_element_size(dtype));
}

}  // namespace

Rows rows_of(const Arg& arg, int64_t row_stride) {
  const int64_t bytes = element_bytes(arg.tensor), dim = arg.tensor.dim(), numel = arg.tensor.numel();
  const int64_t row = dim == 0 ? 1 : arg.tensor.size(dim - 1);
  if (numel == 0) return {address_of(arg.tensor), 0, 0, 0};
  return {address_of(arg.tensor), numel / row, row_stride * bytes, row * bytes};
}

Rows span_of(const Arg& arg) {
  int64_t last = 0;
  if (arg.tensor.numel() == 0) return {address_of(arg.tensor), 0, 0, 0};
  for (int64_t dim = 0; dim < arg.tensor.dim(); ++dim) last += (arg.tensor.size(dim) - 1) * arg.tensor.stride(dim);
  return {address_of(arg.tensor), 1, 0, (last + 1) * element_bytes(arg.tensor)};
}

bool is_same(const Rows& one, const Rows& other) {
  return one.start == other.start && one.rows == other.rows && one.bytes == other.bytes &&
         (one.rows <= 1 || one.stride == other.stride);
}

bool meet(const Rows& one, const Rows& other) {
  const auto end_of = [](const Rows& rows) { return rows.start + (rows.rows - 1) * rows.stride + rows.bytes; };
  if (one.rows == 0 || other.rows == 0 || end_of(one) <= other.start || end_of(other) <= one.start) return false;
  if (one.rows > other.rows) return meet(other, one);
  for (int64_t row = 0; row < one.rows; ++row) {
    const int64_t begin = one.start + row * one.stride, end = begin + one.bytes;
    // The first row of the other that ends behind `begin`; it meets this one if it starts before `end`.
    const int64_t past = begin - (other.start + other.bytes);
    const int64_t first = past < 0 ? 0 : other.stride == 0 ? other.rows : past / other.stride + 1;
    if (first < other.rows && other.start + first * other.stride < end) return true;
  }
  return false;
}

void check_apart(const Arg& out, const Rows& out_rows, const Arg& input, const Rows& input_rows) {
  WARPWRIGHT_CHECK(!meet(out_rows, input_rows), out.name, " overlaps ", input.name,
                   " in memory, expected memory of its own: clone one of them");
}

Dtype to_dtype(ScalarType type) {
  switch (type) {
    case ScalarType::Half:
      return Dtype::kFloat16;
    case ScalarType::BFloat16:
      return Dtype::kBFloat16;
    case ScalarType::Float:
      return Dtype::kFloat32;
    case ScalarType::Char:
      return Dtype::kInt8;
    case ScalarType::Float8_e4m3fn:
      return Dtype::kFloat8E4M3;
    case ScalarType::Int:
      return Dtype::kInt32;
    default:
      fail("dtype ", name_of(type), " has no kernel; this is a missing check of the operator");
  }
}

}  // namespace warpwright::torch_api
