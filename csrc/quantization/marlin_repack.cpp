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
  check_cuda(arg);
  check_dtype(arg, {ScalarType::Int});
  check_dim(arg, 2);
  check_size(arg, 0, rows, "by size_k");
  check_size(arg, 1, columns, "by size_n");
  check_contiguous(arg);
}

const int32_t* perm_of(const Tensor& perm, const Arg& weights, int64_t size_k) {
  if (perm.numel() == 0) return nullptr;
  check_same_device(WARPWRIGHT_ARG(perm), weights);
  check_dtype(WARPWRIGHT_ARG(perm), {ScalarType::Int});
  check_numel(WARPWRIGHT_ARG(perm), size_k, "one for each row of k, or none");
  check_contiguous(WARPWRIGHT_ARG(perm));
  return static_cast<const int32_t*>(perm.const_data_ptr());
}

Tensor repack(const char* op, const SmPath<RepackLaunch>* paths, const Tensor& weights, RepackProblem problem) {
  LaunchScope scope(weights);
  Tensor out = torch::stable::new_empty(weights, {problem.k / 16, problem.n * 2});
  if (out.numel() == 0) return out;
  problem.weights = static_cast<const int32_t*>(weights.const_data_ptr());
  problem.out = static_cast<int32_t*>(out.mutable_data_ptr());
  const auto& path = path_for(op, paths, scope.device());
  check_launch(op, path.launch(problem, scope.stream()));
  return out;
}

}  // namespace

Tensor gptq_marlin_repack(const Tensor& b_q_weight, const Tensor& perm, int64_t size_k, int64_t size_n,
                          int64_t num_bits) {
  check_marlin_size(size_k, size_n);
  check_packed(WARPWRIGHT_ARG(b_q_weight), size_k / 8, size_n, num_bits);
  RepackProblem problem;
  problem.k = size_k;
  problem.n = size_n;
  problem.perm = perm_of(perm, WARPWRIGHT_ARG(b_q_weight), size_k);
  return repack("gptq_marlin_repack", kGptqPaths, b_q_weight, problem);
}

Tensor awq_marlin_repack(const Tensor& b_q_weight, int64_t size_k, int64_t size_n, int64_t num_bits) {
  check_marlin_size(size_k, size_n);
  check_packed(WARPWRIGHT_ARG(b_q_weight), size_k, size_n / 8, num_bits);
  RepackProblem problem;
  problem.k = size_k;
  problem.n = size_n;
  return repack("awq_marlin_repack", kAwqPaths, b_q_weight, problem);
}

}  // namespace warpwright::torch_api
