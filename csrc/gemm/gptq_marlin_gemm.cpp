#include "warpwright/gemm/gptq_marlin_gemm.h"

#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/stableivalue_conversions.h>

#include <array>

#include "quantization/gptq_marlin_dequantize.h"
#include "quantization/marlin_arguments.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/paths/gptq_marlin_gemm.h"
#include "warpwright/quantization/int4.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<MarlinGemmLaunch> kPaths[] = {WARPWRIGHT_PATHS_gptq_marlin_gemm};

// Up to here the product streams weights of 4 bits; beyond, it is faster to dequantise them once and to multiply then.
constexpr int64_t kFewTokens = 128;

struct Arguments {
  Arg out, a;
  MarlinArguments b;
  std::optional<Arg> perm;
};

// A product that was checked, whichever way it is computed.
struct Product {
  DequantizeProblem weights;
  const int32_t* perm = nullptr;
  int64_t m = 0, lda = 0, ldo = 0;
};

void check_matrices(const Arg& out, const Arg& a, const MarlinArguments& b, int64_t k, int64_t n) {
  check_same_device(a, b.weights);
  check_same_device(out, b.weights);
  check_same_dtype(a, b.scales);
  check_same_dtype(out, b.scales);
  check_dim(a, 2);
  check_dim(out, 2);
  check_size(a, 1, k, "16 times the rows of b_q_weight");
  check_size(out, 0, a.size(0), "the rows of a");
  check_size(out, 1, n, "half of the columns of b_q_weight");
  check_inner_stride(a);
  check_inner_stride(out);
}

// The output has memory of its own.
void check_memory(const Arguments& args, int64_t ldo, int64_t lda) {
  const Rows out = rows_of(args.out, ldo);
  check_apart(args.out, out, args.a, rows_of(args.a, lda));
  for (const Arg* input : {&args.b.weights, &args.b.scales}) check_apart(args.out, out, *input, span_of(*input));
  for (const std::optional<Arg>* input : {&args.b.zeros, &args.b.g_idx, &args.perm}) {
    if (input->has_value()) check_apart(args.out, out, **input, span_of(**input));
  }
}

// A product without rows where there is nothing to write.
Product check(const Arguments& args) {
  Product product;
  product.weights = check_marlin(args.b);
  check_matrices(args.out, args.a, args.b, product.weights.k, product.weights.n);
  if (args.perm.has_value()) check_index(*args.perm, args.b.weights, product.weights.k, "one for each column of a");
  if (args.out.numel() == 0) return product;
  product.ldo = out_row_stride(args.out);
  product.lda = row_stride(args.a);
  check_memory(args, product.ldo, product.lda);
  product.perm = data_of<int32_t>(args.perm);
  product.m = args.a.size(0);
  return product;
}

// Rows of a, lda elements apart.
struct Tokens {
  Tensor tensor;
  int64_t lda;
};

// Rows of a of their own, in the order of the weights' rows.
Tokens gather(LaunchScope& scope, const Arg& a, const Product& product) {
  GatherColumnsProblem problem;
  Tensor out = scope.empty(a.dtype_number(), product.m, product.weights.k);
  problem.out = out.mutable_data_ptr();
  problem.a = a.data();
  problem.perm = product.perm;
  problem.m = product.m;
  problem.k = product.weights.k;
  problem.lda = product.lda;
  check_launch("gptq_marlin_gemm", gptq_marlin_gather_columns(problem, scope.stream()));
  return {out, problem.k};
}

// torch.mm(a, b, out=out).
void multiply(const Tensor& out, const Tensor& a, const Tensor& b) {
  std::array<StableIValue, 3> stack{torch::stable::detail::from(a), torch::stable::detail::from(b),
                                    torch::stable::detail::from(out)};
  TORCH_ERROR_CODE_CHECK(torch_call_dispatcher("aten::mm", "out", stack.data(), TORCH_ABI_VERSION));
  torch::stable::detail::to<Tensor>(stack[0]);  // the reference that the call gave back
}

void multiply_in_full(LaunchScope& scope, const Arguments& args, const Product& product) {
  const Tensor full = dequantize_marlin(scope, args.b.scales, product.weights);
  multiply(args.out.tensor, product.perm == nullptr ? args.a.tensor : gather(scope, args.a, product).tensor, full);
}

// The path that streams the weights; null where they are dequantised first.
const SmPath<MarlinGemmLaunch>* streaming_path(const Product& product, const Device& device) {
  if (product.m > kFewTokens || product.weights.g_idx != nullptr) return nullptr;
  return find_path(kPaths, device);
}

void stream_weights(LaunchScope& scope, MarlinGemmLaunch& launch, const Arguments& args, const Product& product) {
  // The kernels read rows that are aligned.
  const bool is_ready = product.perm == nullptr && args.a.address() % 16 == 0 && product.lda % 8 == 0;
  const Tokens tokens = is_ready ? Tokens{args.a.tensor, product.lda} : gather(scope, args.a, product);
  MarlinGemmProblem problem;
  problem.out = args.out.tensor.mutable_data_ptr();
  problem.a = tokens.tensor.const_data_ptr();
  problem.weights = product.weights.weights;
  problem.scales = product.weights.scales;
  problem.zeros = product.weights.zeros;
  problem.m = product.m;
  problem.n = product.weights.n;
  problem.k = product.weights.k;
  problem.groups = product.weights.groups;
  problem.lda = tokens.lda;
  problem.ldo = product.ldo;
  problem.dtype = product.weights.dtype;
  check_launch("gptq_marlin_gemm", launch(problem, scope.device(), scope.workspace(), scope.stream()));
}

void gptq_marlin_gemm(Tensor out, const Tensor& a, const Tensor& b_q_weight, const Tensor& b_scales,
                      const std::optional<Tensor>& b_zeros, const std::optional<Tensor>& g_idx,
                      const std::optional<Tensor>& perm) {
  const Arguments args{{out, "out"}, {a, "a"}, {b_q_weight, b_scales, b_zeros, g_idx}, optional_arg(perm, "perm")};
  const Product product = check(args);
  if (product.m == 0) return;

  LaunchScope scope(args.a);
  if (product.weights.k == 0) {
    torch::stable::zero_(out);
  } else if (const SmPath<MarlinGemmLaunch>* path = streaming_path(product, scope.device())) {
    stream_weights(scope, *path->launch, args, product);
  } else {
    multiply_in_full(scope, args, product);
  }
}

}  // namespace

WARPWRIGHT_OPERATOR(gptq_marlin_gemm,
                    "(Tensor! out, Tensor a, Tensor b_q_weight, Tensor b_scales, Tensor? b_zeros, Tensor? g_idx, "
                    "Tensor? perm) -> ()");

}  // namespace warpwright::torch_api
