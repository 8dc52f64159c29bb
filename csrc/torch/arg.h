// A tensor argument, as checks and problems read it.
#pragma once

#include <torch/csrc/stable/tensor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "torch/dtypes.h"

namespace warpwright::torch_api {

using torch::stable::Tensor;

// A tensor argument with its name in the schema. What checks ask of it is read once: each question to torch costs as
// much as a dozen answers from here. An operator makes one for each tensor that it is given, and hands it on.
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
  ScalarType dtype() const { return tensor.scalar_type(); }  // slow: for words alone
  int32_t dtype_number() const { return dtype_; }            // torch's own, which costs nothing to compare
  int32_t device_type() const { return device_type_; }
  int32_t device_index() const { return device_index_; }
  int64_t element_bytes() const;

  // The first element. It is asked for when it is first needed: few checks need it, and on meta there is none.
  const void* data() const {
    if (data_ == nullptr) data_ = tensor.const_data_ptr();
    return data_;
  }
  template <typename Element>
  const Element* data_of() const {
    return static_cast<const Element*>(data());
  }
  uintptr_t address() const { return reinterpret_cast<uintptr_t>(data()); }

 private:
  int64_t dim_ = 0;
  int64_t *sizes_ = nullptr, *strides_ = nullptr;  // the tensor's own
  int32_t dtype_ = 0, device_type_ = 0, device_index_ = 0;
  mutable const void* data_ = nullptr;
};

// An argument that need not be given.
std::optional<Arg> optional_arg(const std::optional<Tensor>& tensor, const char* name);

// Its first element; null where it was not given.
template <typename Element>
const Element* data_of(const std::optional<Arg>& arg) {
  return arg.has_value() ? arg->data_of<Element>() : nullptr;
}

// Words for errors, as Python has them.
std::string shape_of(const Arg& arg);
std::string strides_of(const Arg& arg);
std::string device_of(const Arg& arg);

}  // namespace warpwright::torch_api
