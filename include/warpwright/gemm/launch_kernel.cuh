// Launches a kernel in clusters, with as much shared memory as it asks for.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "warpwright/status.h"

namespace warpwright {

template <typename... Parameters, typename... Arguments>
Status launch_clusters(void (*kernel)(Parameters...), dim3 grid, int threads, int cluster, int shared_memory,
                       cudaStream_t stream, const Arguments&... arguments) {
  const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_memory);
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
  return Status::from(cudaLaunchKernelEx(&config, kernel, arguments...));
}

}  // namespace warpwright
