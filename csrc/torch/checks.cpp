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

std::string tuple_of(const Arg& arg, int64_t (Arg::*read)(int64_t) const) {
  std::string text = "(";
  for (int64_t dim = 0; dim < arg.dim(); ++dim) text += (dim ? ", " : "") + std::to_string((arg.*read)(dim));
  return text + (arg.dim() == 1 ? ",)" : ")");  // as Python writes it
}

std::string shape_of(const Arg& arg) { return tuple_of(arg, &Arg::size); }
std::string strides_of(const Arg& arg) { return tuple_of(arg, &Arg::stride); }

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
    case ScalarType::Short:
      return "int16";
    case ScalarType::Bool:
      return "bool";
    case ScalarType::UInt16:
      return "uint16";
    case ScalarType::UInt32:
      return "uint32";
    case ScalarType::UInt64:
      return "uint64";
    case ScalarType::ComplexHalf:
      return "complex32";
    case ScalarType::ComplexFloat:
      return "complex64";
    case ScalarType::ComplexDouble:
      return "complex128";
    case ScalarType::Float8_e4m3fn:
      return "float8_e4m3fn";
    case ScalarType::Float8_e5m2:
      return "float8_e5m2";
    case ScalarType::Float8_e4m3fnuz:
      return "float8_e4m3fnuz";
    case ScalarType::Float8_e5m2fnuz:
      return "float8_e5m2fnuz";
    case ScalarType::Float8_e8m0fnu:
      return "float8_e8m0fnu";
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
    case ScalarType::Int:
      return aoti_torch_dtype_int32();
    case ScalarType::Char:
      return aoti_torch_dtype_int8();
    case ScalarType::Float8_e4m3fn:
      return aoti_torch_dtype_float8_e4m3fn();
    default:
      return -1;
  }
}

std::string device_of(const Arg& arg) {
  if (arg.device_type() == aoti_torch_device_type_cpu()) return "cpu";
  if (arg.device_type() == aoti_torch_device_type_meta()) return "meta";
  if (arg.device_type() == aoti_torch_device_type_cuda()) return "cuda:" + std::to_string(arg.device_index());
  return "a device of type " + std::to_string(arg.device_type());
}

int64_t element_bytes(const Arg& arg) { return int64_t(aoti_torch_dtype_element_size(arg.dtype_number())); }

bool contains(std::initializer_list<ScalarType> types, ScalarType wanted) {
  for (ScalarType type : types) {
    if (type == wanted) return true;
  }
  return false;
}

}  // namespace

Arg::Arg(const Tensor& tensor, const char* name) : tensor(tensor), name(name) {
  AtenTensorHandle handle = tensor.get();
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_dim(handle, &dim_));
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_sizes(handle, &sizes_));
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_strides(handle, &strides_));
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_dtype(handle, &dtype_));
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_type(handle, &device_type_));
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_index(handle, &device_index_));
}

int64_t Arg::numel() const {
  int64_t product = 1;
  for (int64_t dim = 0; dim < dim_; ++dim) product *= sizes_[dim];
  return product;
}

bool Arg::is_contiguous() const {
  int64_t expected = 1;
  bool adjacent = true;
  for (int64_t dim = dim_ - 1; dim >= 0; --dim) {
    adjacent = adjacent && (sizes_[dim] == 1 || strides_[dim] == expected);
    expected *= sizes_[dim];
  }
  return adjacent || expected == 0;
}

void check_same_device(const Arg& arg, const Arg& other) {
  const bool same = arg.device_type() == other.device_type() && arg.device_index() == other.device_index();
  WARPWRIGHT_CHECK(same, arg.name, " is on ", device_of(arg), " and ", other.name, " on ", device_of(other),
                   "; both have to be on one device");
}

void check_dim(const Arg& arg, int64_t dim) {
  WARPWRIGHT_CHECK(arg.dim() == dim, arg.name, " has ", arg.dim(), " dimensions, shape ",
                  shape_of(arg), "; expected ", dim);
}

void check_min_dim(const Arg& arg, int64_t dim) {
  WARPWRIGHT_CHECK(arg.dim() >= dim, arg.name, " has ", arg.dim(), " dimensions; expected at least ", dim);
}

void check_size(const Arg& arg, int64_t dim, int64_t expected, const char* why) {
  const int64_t found = arg.size(dim);
  WARPWRIGHT_CHECK(found == expected, arg.name, " has shape ", shape_of(arg), ": size ", found, " in dimension ",
                  dim, ", expected ", expected, " (", why, ")");
}

void check_numel(const Arg& arg, int64_t expected, const char* why) {
  WARPWRIGHT_CHECK(arg.numel() == expected, arg.name, " has shape ", shape_of(arg), " with ",
                  arg.numel(), " elements, expected ", expected, " (", why, ")");
}

void check_dtype(const Arg& arg, std::initializer_list<ScalarType> supported) {
  for (ScalarType type : supported) {
    if (number_of(type) == arg.dtype_number()) return;
  }
  check_dtype_value(arg.name, arg.dtype(), supported);
}

void check_dtype_value(const char* name, ScalarType found, std::initializer_list<ScalarType> supported) {
  WARPWRIGHT_CHECK(contains(supported, found), name, " has dtype ", name_of(found), ", expected ",
                  list_of(&name_of, supported));
}

void check_same_dtype(const Arg& arg, const Arg& other) {
  WARPWRIGHT_CHECK(arg.dtype_number() == other.dtype_number(), arg.name, " has dtype ", name_of(arg.dtype()),
                   ", expected ", name_of(other.dtype()), ", the dtype of ", other.name);
}

void check_same_shape(const Arg& arg, const Arg& other) {
  bool same = arg.dim() == other.dim();
  for (int64_t dim = 0; same && dim < arg.dim(); ++dim) same = arg.size(dim) == other.size(dim);
  WARPWRIGHT_CHECK(same, arg.name, " has shape ", shape_of(arg), ", expected ", shape_of(other),
                  ", the shape of ", other.name);
}

void check_inner_stride(const Arg& arg) {
  const int64_t dim = arg.dim();
  WARPWRIGHT_CHECK(dim == 0 || arg.size(dim - 1) <= 1 || arg.stride(dim - 1) == 1, arg.name,
                  " has strides ", strides_of(arg),
                  ", expected 1 in the last dimension: pass a contiguous tensor or a slice of whole rows");
}

void check_contiguous(const Arg& arg) {
  WARPWRIGHT_CHECK(arg.is_contiguous(), arg.name, " has shape ", shape_of(arg), " and strides ",
                  strides_of(arg), ", expected a contiguous tensor: call .contiguous() on it");
}

void check_multiple(const char* what, int64_t value, int64_t of) {
  WARPWRIGHT_CHECK(value % of == 0, what, " is ", value, ", expected a multiple of ", of);
}

void check_at_most(const char* what, int64_t value, int64_t most, const char* why) {
  WARPWRIGHT_CHECK(value <= most, what, " is ", value, ", expected at most ", most, ": ", why);
}

void check_aligned(const Arg& arg, int64_t bytes) {
  const uintptr_t past = arg.address() % static_cast<uintptr_t>(bytes);
  WARPWRIGHT_CHECK(past == 0, arg.name, " starts ", past,
                  " bytes past a multiple of ", bytes, ", expected an aligned start: slice at a multiple of ", bytes,
                  " bytes, or clone the tensor");
}

int64_t row_stride(const Arg& arg) {
  const int64_t dim = arg.dim();
  if (dim == 1) return arg.size(0);
  int64_t rows = arg.size(dim - 2);
  int64_t stride = arg.stride(dim - 2);
  for (int64_t outer = dim - 3; outer >= 0; --outer) {
    const int64_t size = arg.size(outer);
    if (rows <= 1) stride = arg.stride(outer);
    WARPWRIGHT_CHECK(size <= 1 || rows <= 1 || arg.stride(outer) == rows * stride, arg.name, " has strides ",
                    strides_of(arg), " for shape ", shape_of(arg),
                    ", expected rows at one distance from each other: call .contiguous() on it");
    rows *= size;
  }
  return stride;
}

int64_t out_row_stride(const Arg& out) {
  const int64_t stride = row_stride(out), dim = out.dim(), row = out.size(dim - 1);
  WARPWRIGHT_CHECK(stride >= row || out.numel() <= row, out.name, " has strides ", strides_of(out),
                   " for shape ", shape_of(out), ", expected rows that do not overlap: at least ", row,
                   " elements apart");
  return stride;
}

Rows rows_of(const Arg& arg, int64_t row_stride) {
  const int64_t bytes = element_bytes(arg), numel = arg.numel();
  if (numel == 0) return {int64_t(arg.address()), 0, 0, 0};
  const int64_t row = arg.dim() == 0 ? 1 : arg.size(arg.dim() - 1);
  return {int64_t(arg.address()), numel / row, row_stride * bytes, row * bytes};
}

Rows span_of(const Arg& arg) {
  int64_t last = 0;
  if (arg.numel() == 0) return {int64_t(arg.address()), 0, 0, 0};
  for (int64_t dim = 0; dim < arg.dim(); ++dim) last += (arg.size(dim) - 1) * arg.stride(dim);
  return {int64_t(arg.address()), 1, 0, (last + 1) * element_bytes(arg)};
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

// The usual ones by number: see number_of.
Dtype to_dtype(const Arg& arg) {
  for (ScalarType type : {ScalarType::BFloat16, ScalarType::Half}) {
    if (number_of(type) == arg.dtype_number()) return to_dtype(type);
  }
  return to_dtype(arg.dtype());
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
