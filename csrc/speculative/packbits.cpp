#include "speculative/arrays.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/packbits.h"
#include "warpwright/speculative/pack_bits.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<PackBitsLaunch> kPaths[] = {WARPWRIGHT_PATHS_packbits};

Tensor packbits(const Tensor& x, bool first_is_high) {
  const Arg x_arg{x, "x"};
  check_array(x_arg, x_arg, {ScalarType::Bool, ScalarType::Byte}, {{}});
  LaunchScope scope(x_arg);
  const Tensor y = scope.empty(number_of(ScalarType::Byte), {(x_arg.numel() + 7) / 8});
  if (y.numel() == 0) return y;

  PackBitsProblem problem;
  problem.x = x_arg.data_of<uint8_t>();
  problem.y = static_cast<uint8_t*>(y.mutable_data_ptr());
  problem.x_size = x_arg.numel();
  problem.y_size = y.numel();
  problem.first_is_high = first_is_high;
  launch_dependent("packbits", kPaths, scope, problem, std::nullopt);
  return y;
}

}  // namespace

WARPWRIGHT_OPERATOR(packbits, "(Tensor x, bool first_is_high=True) -> Tensor");

}  // namespace warpwright::torch_api
