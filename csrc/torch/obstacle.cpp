#include "torch/obstacle.h"

#include <cuda_runtime_api.h>

#include "warpwright/status.h"

namespace warpwright::torch_api {

namespace {

constexpr int64_t kOldestSm = 75, kNewestSm = 90;

std::string cuda_words(int64_t version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// A driver serves every runtime of its own CUDA major version and of older ones (CUDA Compatibility, "Minor Version
// Compatibility").
bool serves_this_runtime(int64_t driver) { return driver / 1000 >= CUDART_VERSION / 1000; }

std::string no_code(int64_t device, int64_t sm, const std::string& sms) {
  const bool is_served = sm >= kOldestSm && sm <= kNewestSm;
  return "cuda:" + std::to_string(device) + " is a GPU of SM " + std::to_string(sm) + ", and this wheel has code for SM " +
         (sms.empty() ? "none" : sms) + " alone: " +
         (is_served ? "install the full wheel, or build one with `nox -s build-wheel`"
                    : "this version has no wheel for it; `nox -s matrix` lists what it builds");
}

}  // namespace

std::string obstacle(bool torch_has_cuda, int64_t driver, int64_t device, int64_t sm, std::string sms, bool runs) {
  if (!torch_has_cuda) {
    return "this torch was built without CUDA: install a CUDA build with `pip install --force-reinstall torch`";
  }
  if (driver == 0) return "no NVIDIA driver was found: install one, which `nvidia-smi` then shows";
  if (!serves_this_runtime(driver)) {
    return "the driver serves CUDA up to " + cuda_words(driver) + ", and this wheel has the runtime of CUDA " +
           cuda_words(CUDART_VERSION) + ": update the driver, or build a wheel of an older CUDA with `nox -s build-wheel`";
  }
  if (sm == 0) return "torch sees no GPU: check CUDA_VISIBLE_DEVICES and `nvidia-smi`";
  return runs ? "" : no_code(device, sm, sms);
}

int64_t driver_version() {
  int version = 0;
  return take_error(cudaDriverGetVersion(&version)) == cudaSuccess ? version : 0;
}

}  // namespace warpwright::torch_api
