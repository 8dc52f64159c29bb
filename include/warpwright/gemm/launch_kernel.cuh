// Launches a kernel in clusters, with as much shared memory as it asks for.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "warpwright/device.h"
#include "warpwright/status.h"

namespace warpwright {

// Lets a kernel use all of the device's shared memory. The driver is asked once for each device: the question costs a
// tenth of a launch.
template <auto kKernel>
cudaError_t allow_shared_memory(const Device& device) {
  static std::array<std::atomic<bool>, 64> allowed{};
  const bool known = device.index < int(allowed.size());
  if (known && allowed[device.index].load(std::memory_order_relaxed)) return cudaSuccess;
  const cudaError_t error =
      cudaFuncSetAttribute(kKernel, cudaFuncAttributeMaxDynamicSharedMemorySize, device.shared_memory_per_block);
  if (known && error == cudaSuccess) allowed[device.index].store(true, std::memory_order_relaxed);
  return error;
}

template <auto kKernel, typename... Arguments>
Status launch_clusters(const Device& device, dim3 grid, int threads, int cluster, int shared_memory,
                       cudaStream_t stream, const Arguments&... arguments) {
  const cudaError_t error = allow_shared_memory<kKernel>(device);
  if (error != cudaSuccess) return Status::from(error);
  cudaLaunchAttribute attribute;
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {unsigned(cluster), 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_memory;
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = 1;
  return Status::from(cudaLaunchKernelEx(&config, kKernel, arguments...));
}

}  // namespace warpwright
