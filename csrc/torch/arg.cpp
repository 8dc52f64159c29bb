#include "torch/arg.h"

#include <torch/csrc/inductor/aoti_torch/c/shim.h>

namespace warpwright::torch_api {

namespace {

std::string tuple_of(const Arg& arg, int64_t (Arg::*read)(int64_t) const) {
  std::string text = "(";
  for (int64_t dim = 0; dim < arg.dim(); ++dim) text += (dim ? ", " : "") + std::to_string((arg.*read)(dim));
  return text + (arg.dim() == 1 ? ",)" : ")");  // as Python writes it
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

int64_t Arg::element_bytes() const { return int64_t(aoti_torch_dtype_element_size(dtype_)); }

std::optional<Arg> optional_arg(const std::optional<Tensor>& tensor, const char* name) {
  if (!tensor.has_value()) return std::nullopt;
  return Arg(*tensor, name);
}

std::string shape_of(const Arg& arg) { return tuple_of(arg, &Arg::size); }

std::string strides_of(const Arg& arg) { return tuple_of(arg, &Arg::stride); }

std::string device_of(const Arg& arg) {
  if (arg.device_type() == aoti_torch_device_type_cpu()) return "cpu";
  if (arg.device_type() == aoti_torch_device_type_meta()) return "meta";
  if (arg.device_type() == aoti_torch_device_type_cuda()) return "cuda:" + std::to_string(arg.device_index());
  return "a device of type " + std::to_string(arg.device_type());
}

}  // namespace warpwright::torch_api
