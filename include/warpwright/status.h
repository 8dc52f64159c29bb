// What a launch function returns: a CUDA error, or a refusal that names the argument and both values.
#pragma once

#include <cuda_runtime_api.h>

namespace warpwright {

struct Status {
  cudaError_t cuda = cudaSuccess;
  const char* message = nullptr;  // static storage; set when a launcher cannot take the problem

  bool ok() const { return cuda == cudaSuccess && message == nullptr; }
  static Status success() { return {}; }
  static Status refused(const char* why) { return {cudaErrorInvalidValue, why}; }
};

// Gives a call's error back, and takes it from the runtime, which would tell it to whoever asks next: an operator that
// has nothing to do with it.
inline cudaError_t take_error(cudaError_t error) {
  if (error != cudaSuccess) static_cast<void>(cudaGetLastError());
  return error;
}

}  // namespace warpwright
