#include <torch/csrc/stable/ops.h>

#include "quantization/marlin_arguments.h"
#include "quantization/quantization.h"
#include "torch/launch.h"
#include "warpwright/paths.h"
#include "warpwright/quantization/int4.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RepackLaunch> kGptqPaths[] = {WARPWRIGHT_PATHS_gptq_marlin_repack(WARPWRIGHT_PATH){}};
constexpr SmPath<RepackLaunch> kAwqPaths[] = {WARPWRIGHT_PATHS_awq_marlin_repack(WARPWRIGHT_PATH){}};

// Checks packed weights of `rows` rows and `columns` columns of words.
void check_packed(const Arg& arg, int64_t rows, int64_t columns, int64_t num_bits) {
  WARPWRIGHT_CHECK(num_bits == 4, "num_bits is ", num_bits, ", expected 4: weights of 8 bits are not supported");
  check_dtype(arg, {ScalarType::Int});
  check_dim(arg, 2);
  check_size(arg, 0, rows, "by size_k");
  check_size(arg, 1, columns, "by size_n");
  check_contiguous(arg);
}

// The kernel has found the position; what stands there is read for the words.
[[noreturn]] void refuse_row(LaunchScope& scope, const RepackProblem& problem, int32_t position) {
  int32_t row = 0;
  scope.read(&row, problem.perm + position);
  fail("perm has ", row, " at position ", position, ", expected a row of the weights: 0 to ", problem.k - 1);
}

Tensor repack(const char* op, const SmPath<RepackLaunch>* paths, const Tensor& weights, RepackProblem problem) {
  LaunchScope scope(weights);
  Tensor out = torch::stable::new_empty(weights, {problem.k / 16, problem.n * 2});
  if (out.numel() == 0) return out;
  problem.weights = static_cast<const int32_t*>(weights.const_data_ptr());
  problem.out = static_cast<int32_t*>(out.mutable_data_ptr());
  const auto& path = path_for(op, paths, scope.device());
  if (problem.perm != nullptr) problem.outside = scope.unset_word();
  check_launch(op, path.launch(problem, scope.stream()));
  int32_t position = kUnset;
  if (problem.perm != nullptr && scope.read(&position, problem.outside) && position != kUnset) {
    refuse_row(scope, problem, position);
  }
  return out;
}

}  // namespace

Tensor gptq_marlin_repack(const Tensor& b_q_weight, const Tensor& perm, int64_t size_k, int64_t size_n,
                          int64_t num_bits) {
  check_marlin_size(size_k, size_n);
  const Arg words{b_q_weight, "b_q_weight"};
  check_packed(words, size_k / 8, size_n, num_bits);
  RepackProblem problem;
  problem.k = size_k;
  problem.n = size_n;
  const Arg order{perm, "perm"};
  if (order.numel() > 0) problem.perm = index_of(order, words, size_k, "one for each row of k, or none");
  return repack("gptq_marlin_repack", kGptqPaths, b_q_weight, problem);
}

Tensor awq_marlin_repack(const Tensor& b_q_weight, int64_t size_k, int64_t size_n, int64_t num_bits) {
  check_marlin_size(size_k, size_n);
  check_packed({b_q_weight, "b_q_weight"}, size_k, size_n / 8, num_bits);
  RepackProblem problem;
  problem.k = size_k;
  problem.n = size_n;
  return repack("awq_marlin_repack", kAwqPaths, b_q_weight, problem);
}

}  // namespace warpwright::torch_api
