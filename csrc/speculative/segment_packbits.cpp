#include "speculative/arrays.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/segment_packbits.h"
#include "warpwright/speculative/pack_bits.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<PackBitsLaunch> kPaths[] = {WARPWRIGHT_PATHS_segment_packbits};

void check(const Arg& x, const Arg& input_indptr, const Arg& output_indptr, const Arg& y) {
  check_array(x, x, {ScalarType::Bool, ScalarType::Byte}, {{}});
  check_indices(input_indptr, x, {{}});
  check_indices(output_indptr, x, {{}});
  check_array(y, x, {ScalarType::Byte}, {{}});
  check_at_least("the size of output_indptr", output_indptr.size(0), input_indptr.size(0));
  check_separate({&y}, {&x, &input_indptr, &output_indptr});
}

void segment_packbits(const Tensor& x, const Tensor& input_indptr, const Tensor& output_indptr, const Tensor& y,
                      bool first_is_high) {
  const Arg x_arg{x, "x"}, inputs{input_indptr, "input_indptr"}, outputs{output_indptr, "output_indptr"}, out{y, "y"};
  check(x_arg, inputs, outputs, out);
  if (inputs.numel() < 2 || x_arg.numel() == 0 || out.numel() == 0) return;

  LaunchScope scope(x_arg);
  PackBitsProblem problem;
  problem.x = x_arg.data_of<uint8_t>();
  problem.y = static_cast<uint8_t*>(y.mutable_data_ptr());
  problem.input_ends = index_array(inputs);
  problem.output_ends = index_array(outputs);
  problem.x_size = x_arg.numel();
  problem.y_size = out.numel();
  problem.segments = inputs.numel() - 1;
  problem.first_is_high = first_is_high;
  launch_dependent("segment_packbits", kPaths, scope, problem, std::nullopt);
}

}  // namespace

WARPWRIGHT_OPERATOR(segment_packbits,
                    "(Tensor x, Tensor input_indptr, Tensor output_indptr, Tensor! y, "
                    "bool first_is_high=False) -> ()");

}  // namespace warpwright::torch_api
