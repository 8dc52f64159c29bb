// The gate that every kernel goes through. It refuses a grid that a GPU does not have, launches, gives back what this
// launch said and nothing that an earlier call left behind, and leaves nothing behind itself.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/status.h"

namespace warpwright {

// In 64 bits, so that a size that is too large arrives here as what it is.
struct Grid {
  int64_t x = 1, y = 1, z = 1;
};

// CUDA C++ Programming Guide, "Compute Capabilities": the same for every SM of this library.
constexpr int64_t kMaxGridX = 0x7fffffff, kMaxGridY = 65535, kMaxGridZ = 65535;

// A block for each item, as far as a grid reaches; a kernel whose blocks take further turns does the rest.
constexpr Grid blocks_in_turns(int64_t items) { return {items < kMaxGridX ? items : kMaxGridX}; }

struct LaunchShape {
  Grid grid;
  int64_t threads = 1;
  int shared_memory = 0;   // bytes of dynamic shared memory
  int cluster = 0;         // blocks along x of a kernel that knows clusters, also of one block; 0: it knows none
  int64_t threads_y = 1;
  bool dependent = false;  // programmatic dependent launch, for a kernel that waits (dependent_launch.cuh)
};

constexpr bool is_grid(const Grid& grid) {
  return grid.x >= 1 && grid.x <= kMaxGridX && grid.y >= 1 && grid.y <= kMaxGridY && grid.z >= 1 &&
         grid.z <= kMaxGridZ;
}

// Launches kKernel. What needs more than 48 KB of shared memory calls allow_shared_memory first.
template <auto kKernel, typename... Arguments>
Status launch_kernel(const LaunchShape& shape, cudaStream_t stream, const Arguments&... arguments) {
  if (!is_grid(shape.grid)) {
    return Status::refused("the problem needs more blocks than a grid has: 2147483647, 65535 and 65535 along x, y and z");
  }
  cudaLaunchAttribute attributes[2];
  unsigned count = 0;
  if (shape.cluster > 0) {
    attributes[count].id = cudaLaunchAttributeClusterDimension;
    attributes[count++].val.clusterDim = {unsigned(shape.cluster), 1, 1};
  }
  if (shape.dependent) {
    attributes[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[count++].val.programmaticStreamSerializationAllowed = 1;
  }
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(unsigned(shape.grid.x), unsigned(shape.grid.y), unsigned(shape.grid.z));
  config.blockDim = dim3(unsigned(shape.threads), unsigned(shape.threads_y));
  config.dynamicSmemBytes = shape.shared_memory;
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = count;
  return {take_error(cudaLaunchKernelEx(&config, kKernel, arguments...)), nullptr};
}

// Lets a kernel use all of the device's shared memory. The driver is asked once for each device: the question costs a
// tenth of a launch.
template <auto kKernel>
Status allow_shared_memory(const Device& device) {
  static std::array<std::atomic<bool>, 64> allowed{};
  const bool known = device.index < int(allowed.size());
  if (known && allowed[device.index].load(std::memory_order_relaxed)) return Status::success();
  cudaFuncAttributes has{};
  cudaError_t error = take_error(cudaFuncGetAttributes(&has, kKernel));
  if (error == cudaSuccess) {
    const int left = device.shared_memory_per_block - int(has.sharedSizeBytes);  // of what is not static
    error = take_error(cudaFuncSetAttribute(kKernel, cudaFuncAttributeMaxDynamicSharedMemorySize, left));
  }
  if (known && error == cudaSuccess) allowed[device.index].store(true, std::memory_order_relaxed);
  return {error, nullptr};
}

// The same for a kernel that may need all of the device's shared memory.
template <auto kKernel, typename... Arguments>
Status launch_kernel(const Device& device, const LaunchShape& shape, cudaStream_t stream,
                     const Arguments&... arguments) {
  const Status allowed = allow_shared_memory<kKernel>(device);
  return allowed.ok() ? launch_kernel<kKernel>(shape, stream, arguments...) : allowed;
}

}  // namespace warpwright
