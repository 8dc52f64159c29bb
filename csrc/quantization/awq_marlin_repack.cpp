#include "quantization/marlin_repack.h"
#include "torch/operator.h"
#include "warpwright/paths/awq_marlin_repack.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RepackLaunch> kPaths[] = {WARPWRIGHT_PATHS_awq_marlin_repack};

RepackProblem check(const Arg& words, int64_t size_k, int64_t size_n, int64_t num_bits) {
  check_repack_size(size_k, size_n, num_bits);
  check_packed(words, size_k, size_n / 8);
  RepackProblem problem;
  problem.k = size_k;
  problem.n = size_n;
  return problem;
}

Tensor awq_marlin_repack(const Tensor& b_q_weight, int64_t size_k, int64_t size_n, int64_t num_bits) {
  const Arg words{b_q_weight, "b_q_weight"};
  return repack("awq_marlin_repack", kPaths, words, check(words, size_k, size_n, num_bits));
}

}  // namespace

WARPWRIGHT_OPERATOR(awq_marlin_repack, "(Tensor b_q_weight, SymInt size_k, SymInt size_n, int num_bits) -> Tensor");

}  // namespace warpwright::torch_api
