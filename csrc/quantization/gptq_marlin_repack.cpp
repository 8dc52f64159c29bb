#include "quantization/marlin_arguments.h"
#include "quantization/marlin_repack.h"
#include "torch/operator.h"
#include "warpwright/paths/gptq_marlin_repack.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RepackLaunch> kPaths[] = {WARPWRIGHT_PATHS_gptq_marlin_repack};

RepackProblem check(const Arg& words, const Arg& perm, int64_t size_k, int64_t size_n, int64_t num_bits) {
  check_repack_size(size_k, size_n, num_bits);
  check_packed(words, size_k / 8, size_n);
  RepackProblem problem;
  problem.k = size_k;
  problem.n = size_n;
  if (perm.numel() > 0) {
    check_index(perm, words, size_k, "one for each row of k, or none");
    problem.perm = perm.data_of<int32_t>();
  }
  return problem;
}

Tensor gptq_marlin_repack(const Tensor& b_q_weight, const Tensor& perm, int64_t size_k, int64_t size_n,
                          int64_t num_bits) {
  const Arg words{b_q_weight, "b_q_weight"};
  return repack("gptq_marlin_repack", kPaths, words, check(words, {perm, "perm"}, size_k, size_n, num_bits));
}

}  // namespace

WARPWRIGHT_OPERATOR(gptq_marlin_repack,
                    "(Tensor b_q_weight, Tensor perm, SymInt size_k, SymInt size_n, int num_bits) -> Tensor");

}  // namespace warpwright::torch_api
