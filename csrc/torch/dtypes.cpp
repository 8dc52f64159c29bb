#include "torch/dtypes.h"

#include <torch/csrc/inductor/aoti_torch/c/shim.h>

#include "torch/fail.h"

namespace warpwright::torch_api {

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
    case ScalarType::Long:
      return aoti_torch_dtype_int64();
    case ScalarType::Char:
      return aoti_torch_dtype_int8();
    case ScalarType::Byte:
      return aoti_torch_dtype_uint8();
    case ScalarType::Bool:
      return aoti_torch_dtype_bool();
    case ScalarType::Float8_e4m3fn:
      return aoti_torch_dtype_float8_e4m3fn();
    default:
      return -1;
  }
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
    case ScalarType::Long:
      return Dtype::kInt64;
    case ScalarType::Byte:
      return Dtype::kUInt8;
    case ScalarType::Bool:
      return Dtype::kBool;
    default:
      fail("dtype ", name_of(type), " has no kernel; this is a missing check of the operator");
  }
}

Dtype to_dtype(int32_t number) {
  for (ScalarType type : {ScalarType::BFloat16, ScalarType::Half, ScalarType::Float, ScalarType::Char,
                          ScalarType::Float8_e4m3fn, ScalarType::Int, ScalarType::Long, ScalarType::Byte,
                          ScalarType::Bool}) {
    if (number_of(type) == number) return to_dtype(type);
  }
  fail("torch's dtype ", number, " has no kernel; this is a missing check of the operator");
}

}  // namespace warpwright::torch_api
