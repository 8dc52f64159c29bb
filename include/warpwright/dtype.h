// The element types that cross the border between the torch functions and the launchers.
#pragma once

namespace warpwright {

enum class Dtype { kFloat16, kBFloat16, kFloat32, kInt8, kFloat8E4M3, kInt32, kInt64, kUInt8, kBool };

constexpr int size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kInt8:
    case Dtype::kFloat8E4M3:
    case Dtype::kUInt8:
    case Dtype::kBool:
      return 1;
    case Dtype::kFloat16:
    case Dtype::kBFloat16:
      return 2;
    case Dtype::kFloat32:
    case Dtype::kInt32:
      return 4;
    case Dtype::kInt64:
      return 8;
  }
  return 0;
}

}  // namespace warpwright
