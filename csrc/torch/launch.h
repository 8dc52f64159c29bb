// From a checked tensor to a launch: the device, its stream, the SM path, and the check of what came back.
#pragma once

#include <cuda_runtime_api.h>
#include <torch/csrc/stable/tensor.h>

#include <vector>

#include "warpwright/device.h"
#include "warpwright/sm_path.h"
#include "warpwright/status.h"

namespace warpwright::torch_api {

// Makes the tensor's device current for its own lifetime, and knows that device and its current stream. An error says
// what is missing where torch or the machine has no CUDA.
class LaunchScope {
 public:
  explicit LaunchScope(const torch::stable::Tensor& on);
  ~LaunchScope();
  LaunchScope(const LaunchScope&) = delete;
  LaunchScope& operator=(const LaunchScope&) = delete;

  const Device& device() const { return *device_; }
  cudaStream_t stream() const { return stream_; }

  // Memory from torch's allocator that lives until the scope ends, in stream order.
  Workspace workspace();

 private:
  static void* allocate(void* scope, std::size_t bytes);

  const Device* device_;
  cudaStream_t stream_ = nullptr;
  int previous_device_ = -1;
  std::vector<torch::stable::Tensor> workspaces_;
};

// Ends in an error that names the operator and what the launcher or CUDA said.
void check_launch(const char* op, const Status& status);

// WARPWRIGHT_FORCE_SM as a number, 0 where it is not set. Read at each call, so that tests can change it.
Sm forced_sm();

// WARPWRIGHT_FORCE_TILE, null where it is not set.
const char* forced_tile();

// Ends in the error for a GPU that no path of the operator can run on.
[[noreturn]] void refuse_sm(const char* op, const std::vector<Sm>& compiled, const Device& device, Sm forced);

template <typename Launch>
const SmPath<Launch>& path_for(const char* op, const SmPath<Launch>* table, const Device& device) {
  const Sm forced = forced_sm();
  if (const SmPath<Launch>* path = choose_path(table, device.sm, forced)) return *path;
  std::vector<Sm> compiled;
  for (const SmPath<Launch>* path = table; path->sm != 0; ++path) compiled.push_back(path->sm);
  refuse_sm(op, compiled, device, forced);
}

}  // namespace warpwright::torch_api
