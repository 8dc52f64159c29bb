// Which code a GPU runs. Pure host functions: the unit tests compile them with the host compiler alone.
#pragma once

#include <cstddef>

namespace warpwright {

// How the code of one path is stored in the binary, which decides the GPUs that can run it (CUDA C++ Programming
// Guide, "Compute Capability", binary and PTX compatibility).
enum class Code {
  kSass,          // sm_80: the same major version, the same or a newer minor version
  kSassSpecific,  // sm_90a: exactly that SM
  kPtx,           // compute_80: that SM and every newer one, compiled by the driver
};

// An SM as two digits, as in sm_80: 10 * major + minor.
using Sm = int;

template <typename Launch>
struct SmPath {
  Sm sm = 0;  // 0 ends a table
  Code code = Code::kSass;
  Launch* launch = nullptr;
};

constexpr bool runs_on(Sm path, Code code, Sm device) {
  switch (code) {
    case Code::kSass:
      return path / 10 == device / 10 && path % 10 <= device % 10;
    case Code::kSassSpecific:
      return path == device;
    case Code::kPtx:
      return path <= device;
  }
  return false;
}

// The newest path of the table that the device can run; null where there is none. With forced != 0 the paths of that
// SM alone are considered.
template <typename Launch>
constexpr const SmPath<Launch>* choose_path(const SmPath<Launch>* table, Sm device, Sm forced) {
  const SmPath<Launch>* best = nullptr;
  for (const SmPath<Launch>* path = table; path->sm != 0; ++path) {
    if (!runs_on(path->sm, path->code, device)) continue;
    if (forced != 0 && path->sm != forced) continue;
    if (best == nullptr || path->sm > best->sm) best = path;
  }
  return best;
}

}  // namespace warpwright

// The rows of an operator's table come from warpwright/paths/<op>.h, which CMake generates from csrc/kernels.cmake:
//   constexpr SmPath<RmsNormLaunch> kPaths[] = {WARPWRIGHT_PATHS_rmsnorm};
