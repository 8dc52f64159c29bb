// Whole numbers of 32 or of 64 bits, as callers have them.
#pragma once

#include <cstdint>

namespace warpwright {

struct IndexArray {
  const void* start = nullptr;
  bool is_wide = false;  // 64 bits
};

struct IndexOutput {
  void* start = nullptr;
  bool is_wide = false;
};

}  // namespace warpwright
