// What a launcher needs to know of the GPU that it launches on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "warpwright/sm_path.h"

namespace warpwright {

struct Device {
  int index = 0;
  Sm sm = 0;
  int sm_count = 0;
  int shared_memory_per_block = 0;  // bytes, the opt-in maximum
  bool dependent_launch = false;    // its driver knows programmatic dependent launch, in captured graphs too
};

// Memory that lives until the launched work is done, from the caller's allocator (torch's, in the extension).
struct Workspace {
  void* (*allocate)(void* context, std::size_t bytes) = nullptr;
  void* context = nullptr;

  void* operator()(std::size_t bytes) const { return bytes == 0 ? nullptr : allocate(context, bytes); }
};

}  // namespace warpwright
