// From a checked tensor to a launch: the device, its stream, the SM path, and the check of what came back.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "torch/arg.h"
#include "warpwright/device.h"
#include "warpwright/sm_path.h"
#include "warpwright/status.h"

namespace warpwright::torch_api {

constexpr int32_t kUnset = 0x7f7f7f7f;  // four equal bytes, as memset writes them

// Makes a device current for its own lifetime, and its context too: a thread in which only torch's cache was used has
// none, and the driver's own functions (TMA's tensor maps) do not make one.
class DeviceGuard {
 public:
  explicit DeviceGuard(int index);
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int previous_ = -1;
};

// Makes an argument's device current for its own lifetime, and knows that device and its current stream. An error says
// what is missing where torch or the machine has no CUDA.
class LaunchScope {
 public:
  explicit LaunchScope(const Arg& on);
  LaunchScope(const LaunchScope&) = delete;
  LaunchScope& operator=(const LaunchScope&) = delete;

  const Device& device() const { return *device_; }
  cudaStream_t stream() const { return stream_; }

  // An unwritten row-major matrix on the device, of a dtype by torch's number.
  Tensor empty(int32_t dtype, int64_t rows, int64_t columns) const;

  // The same of any number of dimensions.
  Tensor empty(int32_t dtype, const std::vector<int64_t>& sizes) const;

  // An unwritten contiguous tensor on the device, of an argument's shape and dtype.
  Tensor empty_like(const Arg& like) const;

  // Memory from torch's allocator that lives until the scope ends, in stream order.
  Workspace workspace();

  // One word of such memory, which holds kUnset.
  int32_t* unset_word();

  // Whether the stream is captured into a graph.
  bool is_captured() const;

  // What a word holds once the work so far is done, for which the host waits; false while the stream is captured, where
  // no host may wait.
  bool read(int32_t* to, const int32_t* word);

 private:
  static void* allocate(void* scope, std::size_t bytes);

  const Device* device_;
  DeviceGuard guard_;
  cudaStream_t stream_ = nullptr;
  std::vector<Tensor> workspaces_;
};

// Ends in an error that names the operator and what the launcher or CUDA said.
void check_launch(const char* op, const Status& status);

// WARPWRIGHT_FORCE_SM as a number, 0 where it is not set. Read at each call, so that tests can change it.
Sm forced_sm();

// WARPWRIGHT_FORCE_TILE, null where it is not set.
const char* forced_tile();

// Ends in the error for a GPU that no path of the operator can run on.
[[noreturn]] void refuse_sm(const char* op, const std::vector<Sm>& compiled, const Device& device);

// The newest path that the device can run; null where there is none.
template <typename Launch>
const SmPath<Launch>* find_path(const SmPath<Launch>* table, const Device& device) {
  return choose_path(table, device.sm, forced_sm());
}

template <typename Launch>
const SmPath<Launch>& path_for(const char* op, const SmPath<Launch>* table, const Device& device) {
  if (const SmPath<Launch>* path = find_path(table, device)) return *path;
  std::vector<Sm> compiled;
  for (const SmPath<Launch>* path = table; path->sm != 0; ++path) compiled.push_back(path->sm);
  refuse_sm(op, compiled, device);
}

// Launches the newest path of an operator's table that the device can run, with the arguments that its launchers take
// before the stream.
template <typename Launch, typename... Arguments>
void launch(const char* op, const SmPath<Launch>* table, const LaunchScope& scope, const Arguments&... arguments) {
  check_launch(op, path_for(op, table, scope.device()).launch(arguments..., scope.stream()));
}

// Whether the path that the device takes was compiled for an SM that has thread block clusters.
template <typename Launch>
bool has_clusters(const SmPath<Launch>* table, const Device& device) {
  const SmPath<Launch>* path = find_path(table, device);
  return path != nullptr && path->sm >= 90;
}

// Whether a launch may be programmatically dependent: the callers wish it (by default they do), and the code of the path
// waits for earlier kernels by itself, which older SMs cannot.
template <typename Launch>
bool is_dependent(const SmPath<Launch>& path, const Device& device, const std::optional<bool>& enable_pdl) {
  return enable_pdl.value_or(true) && path.sm >= 90 && device.dependent_launch;
}

// The same for kernels that know programmatic dependent launch; `problem` says so to the launcher.
template <typename Launch, typename Problem, typename... Arguments>
void launch_dependent(const char* op, const SmPath<Launch>* table, const LaunchScope& scope, Problem& problem,
                      const std::optional<bool>& enable_pdl, const Arguments&... arguments) {
  const SmPath<Launch>& path = path_for(op, table, scope.device());
  problem.dependent = is_dependent(path, scope.device(), enable_pdl);
  check_launch(op, path.launch(problem, arguments..., scope.stream()));
}

}  // namespace warpwright::torch_api
