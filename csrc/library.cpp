// The library that the operators are parts of, and what it says of itself: each operator registers itself, with
// WARPWRIGHT_OPERATOR in csrc/<family>/<op>.cpp.

#include <dlfcn.h>
#include <torch/csrc/stable/library.h>

#include <string>

#include "torch/obstacle.h"
#include "warpwright/paths/all.h"

namespace warpwright::torch_api {

namespace {

// The SMs that each operator has code for in this binary, as "name: 75 80 90a; name: ...".
std::string compiled_paths() { return WARPWRIGHT_ALL_PATHS; }

// Where this binary was loaded from. A second copy in one process asks for it before it is loaded.
std::string library_path() {
  static const char own = 0;
  Dl_info info{};
  return dladdr(&own, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

std::string obstacle_of(bool torch_has_cuda, int64_t driver, int64_t device, int64_t sm, std::string sms, bool runs,
                        std::string forced) {
  return obstacle({torch_has_cuda, driver, device, sm, sms, runs, forced});
}

}  // namespace

// The one definition of the namespace, of which the operators are fragments: torch takes no second one.
STABLE_TORCH_LIBRARY(warpwright, m) {
  m.def("compiled_paths() -> str");
  m.def("library_path() -> str");
  m.def("obstacle(bool torch_has_cuda, int driver, int device, int sm, str sms, bool runs, str forced) -> str");
  m.def("driver_version() -> int");
}

STABLE_TORCH_LIBRARY_IMPL(warpwright, CompositeExplicitAutograd, m) {
  m.impl("compiled_paths", TORCH_BOX(&compiled_paths));
  m.impl("library_path", TORCH_BOX(&library_path));
  m.impl("obstacle", TORCH_BOX(&obstacle_of));
  m.impl("driver_version", TORCH_BOX(&driver_version));
}

}  // namespace warpwright::torch_api
