#include "warpwright/gemm/gptq_marlin_gemm.h"

#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/stableivalue_conversions.h>

#include <array>
#include <initializer_list>

#include "gemm/gemm.h"
#include "quantization/marlin_arguments.h"
#include "torch/launch.h"
#include "warpwright/paths.h"
#include "warpwright/quantization/int4.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<MarlinGemmLaunch> kPaths[] = {WARPWRIGHT_PATHS_gptq_marlin_gemm(WARPWRIGHT_PATH){}};

// Up to here the product streams weights of 4 bits; beyond, it is faster to dequantise them once and to multiply then.
constexpr int64_t kFewTokens = 128;

// Rows of a in the order of the weights' rows, at one distance, and aligned as the kernels read them: a itself where it
// is so already.
Tensor ordered(LaunchScope& scope, const Arg& a, int64_t lda, const int32_t* perm) {
  if (perm == nullptr && a.address() % 16 == 0 && lda % 8 == 0) return a.tensor;
  Tensor out = torch::stable::new_empty(a.tensor, {a.size(0), a.size(1)});
  GatherColumnsProblem problem;
  problem.out = out.mutable_data_ptr();
  problem.a = a.tensor.const_data_ptr();
  problem.perm = perm;
  problem.m = a.size(0);
  problem.k = a.size(1);
  problem.lda = lda;
  check_launch("gptq_marlin_gemm", gptq_marlin_gather_columns(problem, scope.stream()));
  return out;
}

// torch.mm(a, b, out=out).
void multiply(const Tensor& out, const Tensor& a, const Tensor& b) {
  std::array<StableIValue, 3> stack{torch::stable::detail::from(a), torch::stable::detail::from(b),
                                    torch::stable::detail::from(out)};
  TORCH_ERROR_CODE_CHECK(torch_call_dispatcher("aten::mm", "out", stack.data(), TORCH_ABI_VERSION));
  torch::stable::detail::to<Tensor>(stack[0]);  // the reference that the call gave back
}

void stream_weights(LaunchScope& scope, const MarlinGemmLaunch& launch, const Tensor& out, int64_t ldo,
                    const Tensor& tokens, const MarlinWeights& weights) {
  const Arg a{tokens, "a"};
  MarlinGemmProblem problem;
  problem.out = out.mutable_data_ptr();
  problem.a = tokens.const_data_ptr();
  problem.weights = weights.weights;
  problem.scales = weights.scales;
  problem.zeros = weights.zeros;
  problem.m = a.size(0);
  problem.n = weights.n;
  problem.k = weights.k;
  problem.groups = weights.groups;
  problem.lda = row_stride(a);
  problem.ldo = ldo;
  problem.dtype = to_dtype(a);
  check_launch("gptq_marlin_gemm", launch(problem, scope.device(), scope.workspace(), scope.stream()));
}

// An argument that need not be given, with its name in the schema.
struct OptionalArg {
  const std::optional<Tensor>& tensor;
  const char* name;
};

// The output has memory of its own.
void check_memory(const Arg& out, const Rows& out_rows, std::initializer_list<const Arg*> inputs,
                  std::initializer_list<OptionalArg> others) {
  for (const Arg* input : inputs) check_apart(out, out_rows, *input, span_of(*input));
  for (const OptionalArg& other : others) {
    if (!other.tensor.has_value()) continue;
    const Arg input{*other.tensor, other.name};
    check_apart(out, out_rows, input, span_of(input));
  }
}

}  // namespace

void gptq_marlin_gemm(Tensor out, const Tensor& a, const Tensor& b_q_weight, const Tensor& b_scales,
                      std::optional<Tensor> b_zeros, std::optional<Tensor> g_idx, std::optional<Tensor> perm) {
  const MarlinWeights weights = check_marlin_weights(b_q_weight, b_scales, b_zeros, g_idx);
  const Arg out_arg{out, "out"}, a_arg{a, "a"}, words{b_q_weight, "b_q_weight"}, scales{b_scales, "b_scales"};
  check_same_device(a_arg, words);
  check_same_device(out_arg, words);
  check_same_dtype(a_arg, scales);
  check_same_dtype(out_arg, scales);
  check_dim(a_arg, 2);
  check_dim(out_arg, 2);
  check_size(a_arg, 1, weights.k, "16 times the rows of b_q_weight");
  check_size(out_arg, 0, a_arg.size(0), "the rows of a");
  check_size(out_arg, 1, weights.n, "half of the columns of b_q_weight");
  check_inner_stride(a_arg);
  check_inner_stride(out_arg);
  const int32_t* order = nullptr;
  if (perm.has_value()) order = index_of({*perm, "perm"}, words, weights.k, "one for each column of a");
  if (out_arg.numel() == 0) return;
  const int64_t ldo = out_row_stride(out_arg), lda = row_stride(a_arg);

  LaunchScope scope(a);
  const Rows out_rows = rows_of(out_arg, ldo);
  check_apart(out_arg, out_rows, a_arg, rows_of(a_arg, lda));
  check_memory(out_arg, out_rows, {&words, &scales}, {{b_zeros, "b_zeros"}, {g_idx, "g_idx"}, {perm, "perm"}});
  if (weights.k == 0) {
    torch::stable::zero_(out);
    return;
  }
  const SmPath<MarlinGemmLaunch>* path = find_path(kPaths, scope.device());
  if (path == nullptr || a_arg.size(0) > kFewTokens || weights.g_idx != nullptr) {
    const Tensor full = dequantize_marlin(scope, b_scales, weights);
    multiply(out, order == nullptr ? a : ordered(scope, a_arg, lda, order), full);
  } else {
    stream_weights(scope, *path->launch, out, ldo, ordered(scope, a_arg, lda, order), weights);
  }
}

}  // namespace warpwright::torch_api
