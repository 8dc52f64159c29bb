#include "torch/launch.h"

#include <torch/csrc/inductor/aoti_torch/c/shim.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string>

#include "torch/fail.h"
#include "torch/obstacle.h"

// A torch without CUDA does not define this. Weak, the extension loads there, and says what is missing when called.
extern "C" __attribute__((weak)) AOTITorchError aoti_torch_get_current_cuda_stream(int32_t, void**);

namespace warpwright::torch_api {

namespace {

constexpr int kMaxDevices = 64;
constexpr Sm kAnySm = 1;
constexpr int64_t kDependentLaunchInGraphs = 12030;  // CUDA 12.3 release notes: programmatic edges in captured graphs
constexpr const char* kForcedSm = "WARPWRIGHT_FORCE_SM";

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

// CUDA's name and words for an error, and what to do where that is known.
std::string words_of(cudaError_t error) {
  std::string words = std::string(cudaGetErrorName(error)) + ", " + cudaGetErrorString(error);
  if (error == cudaErrorInitializationError) {
    words += "; a process that was forked after CUDA was started cannot use it: start it with "
             "multiprocessing.get_context('spawn')";
  }
  return words;
}

void check_cuda_call(cudaError_t error, const char* call) {
  WARPWRIGHT_CHECK(take_error(error) == cudaSuccess, call, " failed: ", words_of(error),
                  "; `python -m warpwright` shows what this machine has");
}

// Ends in the sentence for what keeps CUDA from running here, where it is known; CUDA's own words stand for the rest.
void check_machine(bool torch_has_cuda, int device) {
  const std::string found = obstacle({torch_has_cuda, driver_version(), device, kAnySm, "", true, ""});
  WARPWRIGHT_CHECK(found.empty(), found);
}

int attribute(cudaDeviceAttr which, int index) {
  int value = 0;
  check_cuda_call(cudaDeviceGetAttribute(&value, which, index), "cudaDeviceGetAttribute");
  return value;
}

Device read_device(int index) {
  check_machine(true, index);
  Device device;
  device.index = index;
  device.sm = 10 * attribute(cudaDevAttrComputeCapabilityMajor, index) +
              attribute(cudaDevAttrComputeCapabilityMinor, index);
  device.sm_count = attribute(cudaDevAttrMultiProcessorCount, index);
  device.shared_memory_per_block = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, index);
  device.dependent_launch = driver_version() >= kDependentLaunchInGraphs;
  return device;
}

// The properties of a device never change, and asking costs microseconds.
const Device& device_at(int index) {
  static std::array<Device, kMaxDevices> devices;
  static std::array<std::once_flag, kMaxDevices> once;
  WARPWRIGHT_CHECK(index >= 0 && index < kMaxDevices, "cuda:", index, " is beyond the ", kMaxDevices,
                  " devices that this library knows");
  std::call_once(once[index], [index] { devices[index] = read_device(index); });
  return devices[index];
}

const Device& device_under(const Arg& arg) {
  if (aoti_torch_get_current_cuda_stream == nullptr) check_machine(false, 0);
  return device_at(arg.device_index());
}

Tensor empty_strided(const Device& device, int32_t dtype, const std::vector<int64_t>& sizes,
                     const std::vector<int64_t>& strides) {
  AtenTensorHandle handle = nullptr;
  TORCH_ERROR_CODE_CHECK(aoti_torch_empty_strided(int64_t(sizes.size()), sizes.data(), strides.data(), dtype,
                                                  aoti_torch_device_type_cuda(), device.index, &handle));
  return Tensor(handle);
}

}  // namespace

DeviceGuard::DeviceGuard(int index) {
  static thread_local bool has_context = false;
  int current = -1;
  check_cuda_call(cudaGetDevice(&current), "cudaGetDevice");
  if (current == index && has_context) return;
  check_cuda_call(cudaSetDevice(index), "cudaSetDevice");
  has_context = true;
  if (current != index) previous_ = current;
}

DeviceGuard::~DeviceGuard() {
  if (previous_ >= 0) take_error(cudaSetDevice(previous_));
}

LaunchScope::LaunchScope(const Arg& on) : device_(&device_under(on)), guard_(device_->index) {
  void* stream = nullptr;
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(device_->index, &stream));
  stream_ = static_cast<cudaStream_t>(stream);
}

Tensor LaunchScope::empty(int32_t dtype, int64_t rows, int64_t columns) const {
  return empty(dtype, {rows, columns});
}

Tensor LaunchScope::empty(int32_t dtype, const std::vector<int64_t>& sizes) const {
  std::vector<int64_t> strides(sizes.size(), 1);
  for (std::size_t dim = sizes.size(); dim-- > 1;) {
    strides[dim - 1] = strides[dim] * std::max<int64_t>(sizes[dim], 1);  // as torch's own strides
  }
  return empty_strided(*device_, dtype, sizes, strides);
}

Tensor LaunchScope::empty_like(const Arg& like) const {
  std::vector<int64_t> sizes(like.dim());
  for (int64_t dim = 0; dim < like.dim(); ++dim) sizes[dim] = like.size(dim);
  return empty(like.dtype_number(), sizes);
}

int32_t* LaunchScope::unset_word() {
  auto* word = static_cast<int32_t*>(workspace()(sizeof(kUnset)));
  check_cuda_call(cudaMemsetAsync(word, kUnset & 0xff, sizeof(kUnset), stream_), "cudaMemsetAsync");
  return word;
}

bool LaunchScope::is_captured() const {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusActive;
  check_cuda_call(cudaStreamIsCapturing(stream_, &status), "cudaStreamIsCapturing");
  return status != cudaStreamCaptureStatusNone;
}

bool LaunchScope::read(int32_t* to, const int32_t* word) {
  if (is_captured()) return false;
  check_cuda_call(cudaMemcpyAsync(to, word, sizeof(*to), cudaMemcpyDeviceToHost, stream_), "cudaMemcpyAsync");
  check_cuda_call(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  return true;
}

Workspace LaunchScope::workspace() { return Workspace{&LaunchScope::allocate, this}; }

void* LaunchScope::allocate(void* scope, std::size_t bytes) {
  auto* self = static_cast<LaunchScope*>(scope);
  const int64_t size = static_cast<int64_t>(bytes);
  self->workspaces_.push_back(empty_strided(*self->device_, aoti_torch_dtype_uint8(), {size}, {1}));
  return self->workspaces_.back().mutable_data_ptr();
}

void check_launch(const char* op, const Status& status) {
  if (status.ok()) return;
  if (status.message != nullptr) fail(op, ": ", status.message);
  fail(op, ": the launch failed: ", words_of(status.cuda));
}

Sm forced_sm() {
  const std::string text = variable(kForcedSm);
  if (text.empty()) return 0;
  const Sm sm = read_sm(text);
  WARPWRIGHT_CHECK(sm != 0, no_sm(text));
  return sm;
}

const char* forced_tile() {
  const char* name = std::getenv("WARPWRIGHT_FORCE_TILE");
  return name == nullptr || *name == '\0' ? nullptr : name;
}

void refuse_sm(const char* op, const std::vector<Sm>& compiled, const Device& device) {
  std::string sms;
  for (Sm sm : compiled) sms += (sms.empty() ? "" : ", ") + std::to_string(sm);
  fail(op, ": ", obstacle({true, driver_version(), device.index, device.sm, sms, false, variable(kForcedSm)}));
}

}  // namespace warpwright::torch_api
