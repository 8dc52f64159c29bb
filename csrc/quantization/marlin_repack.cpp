#include "quantization/marlin_repack.h"

#include "quantization/marlin_arguments.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "warpwright/quantization/marlin_layout.h"

namespace warpwright::torch_api {

namespace {

// The kernel has found the position; what stands there is read for the words.
[[noreturn]] void refuse_row(LaunchScope& scope, const RepackProblem& problem, int32_t position) {
  int32_t row = 0;
  scope.read(&row, problem.perm + position);
  fail("perm has ", row, " at position ", position, ", expected a row of the weights: 0 to ", problem.k - 1);
}

}  // namespace

void check_repack_size(int64_t size_k, int64_t size_n, int64_t num_bits) {
  WARPWRIGHT_CHECK(size_k >= 0 && size_n >= 0, "size_k and size_n are ", size_k, " and ", size_n,
                   ", expected none below 0");
  check_multiple("size_k", size_k, marlin::kTileK);
  check_multiple("size_n", size_n, marlin::kTileN);
  check_at_most("size_k", size_k, kMostInt4, "more rows are not supported");
  check_at_most("size_n", size_n, kMostInt4, "more columns are not supported");
  WARPWRIGHT_CHECK(num_bits == 4, "num_bits is ", num_bits, ", expected 4: weights of 8 bits are not supported");
}

void check_packed(const Arg& words, int64_t rows, int64_t columns) {
  check_dtype(words, {ScalarType::Int});
  check_dim(words, 2);
  check_size(words, 0, rows, "by size_k");
  check_size(words, 1, columns, "by size_n");
  check_contiguous(words);
}

Tensor repack(const char* op, const SmPath<RepackLaunch>* paths, const Arg& words, RepackProblem problem) {
  LaunchScope scope(words);
  Tensor out = scope.empty(words.dtype_number(), problem.k / marlin::kTileK, problem.n * 2);
  if (problem.k == 0 || problem.n == 0) return out;
  problem.weights = words.data_of<int32_t>();
  problem.out = static_cast<int32_t*>(out.mutable_data_ptr());
  if (problem.perm != nullptr) problem.outside = scope.unset_word();
  launch(op, paths, scope, problem);
  int32_t position = kUnset;
  if (problem.perm != nullptr && scope.read(&position, problem.outside) && position != kUnset) {
    refuse_row(scope, problem, position);
  }
  return out;
}

}  // namespace warpwright::torch_api
