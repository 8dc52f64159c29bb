// What a launch function returns: a CUDA error, or a refusal that names the argument and both values.
#pragma once

#include <cuda_runtime_api.h>

namespace warpwright {

struct Status {
  cudaError_t cuda = cudaSuccess;
  const char* message = nullptr;  // static storage; set when a launcher cannot take the problem

  bool ok() const { return cuda == cudaSuccess && message == nullptr; }
  static Status success() { return {}; }
  static Status from(cudaError_t error) { return {error, nullptr}; }
  static Status refused(const char* why) { return {cudaErrorInvalidValue, why}; }
};

}  // namespace warpwright
