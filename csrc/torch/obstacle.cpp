#include "torch/obstacle.h"

#include <cuda_runtime_api.h>

#include "warpwright/status.h"

namespace warpwright::torch_api {

namespace {

constexpr int64_t kOldestSm = 75, kNewestSm = 90;
constexpr Sm kFirstSm = 50;  // older ones, no toolkit that this library is built with knows

std::string cuda_words(int64_t version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// A driver serves every runtime of its own CUDA major version and of older ones (CUDA Compatibility, "Minor Version
// Compatibility").
bool serves_this_runtime(int64_t driver) { return driver / 1000 >= CUDART_VERSION / 1000; }

std::string held(const Machine& machine) { return machine.sms.empty() ? "none" : machine.sms; }

std::string no_code(const Machine& machine) {
  const bool is_served = machine.sm >= kOldestSm && machine.sm <= kNewestSm;
  return "cuda:" + std::to_string(machine.device) + " is a GPU of SM " + std::to_string(machine.sm) +
         ", and this wheel has code for SM " + held(machine) + " alone: " +
         (is_served ? "install the full wheel, or build one with `nox -s build-wheel`"
                    : "this version has no wheel for it; `nox -s matrix` lists what it builds");
}

std::string no_forced_path(const Machine& machine) {
  return "WARPWRIGHT_FORCE_SM asks for the SM " + std::to_string(read_sm(machine.forced)) +
         " path, and this wheel has no such path that a GPU of SM " + std::to_string(machine.sm) + " can run (it has " +
         held(machine) + "): unset it, or build the wheel of a JIT lane, which `nox -s matrix` lists";
}

}  // namespace

// The driver comes first: where there is none, no other torch would help.
std::string obstacle(const Machine& machine) {
  if (machine.driver == 0) {
    return "no NVIDIA driver was found: CUDA operators need an NVIDIA GPU and its driver, which `nvidia-smi` then shows; "
           "on CPU tensors every operator runs its reference";
  }
  if (!machine.torch_has_cuda) {
    return "this torch was built without CUDA: install a CUDA build with `pip install --force-reinstall torch`";
  }
  if (!serves_this_runtime(machine.driver)) {
    return "the driver serves CUDA up to " + cuda_words(machine.driver) + ", and this wheel has the runtime of CUDA " +
           cuda_words(CUDART_VERSION) + ": update the driver, or build a wheel of an older CUDA with `nox -s build-wheel`";
  }
  if (machine.sm == 0) return "torch sees no GPU: check CUDA_VISIBLE_DEVICES and `nvidia-smi`";
  if (!machine.forced.empty() && read_sm(machine.forced) == 0) return no_sm(machine.forced);
  if (machine.runs) return "";
  return machine.forced.empty() ? no_code(machine) : no_forced_path(machine);
}

// Two or three digits and perhaps an a: nothing that strtol would also take, such as a blank or a sign.
Sm read_sm(const std::string& text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  const std::string number = text.substr(0, digits), rest = text.substr(number.size());
  if (number.size() < 2 || number.size() > 3 || !(rest.empty() || rest == "a")) return 0;
  const Sm sm = std::stoi(number);
  return sm >= kFirstSm ? sm : 0;
}

std::string no_sm(const std::string& text) {
  return "WARPWRIGHT_FORCE_SM is '" + text + "', expected an SM such as 80 or 90a";
}

int64_t driver_version() {
  int version = 0;
  return take_error(cudaDriverGetVersion(&version)) == cudaSuccess ? version : 0;
}

}  // namespace warpwright::torch_api
