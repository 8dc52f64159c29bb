#include "warpwright/elementwise/fused_qk_norm_rope.h"

#include <cmath>

#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/memory.h"
#include "torch/operator.h"
#include "warpwright/paths/fused_qk_norm_rope.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<FusedQkNormRopeLaunch> kPaths[] = {WARPWRIGHT_PATHS_fused_qk_norm_rope};
constexpr int64_t kMostHeads = 1 << 20;

struct Tensors {
  Arg qkv, q_weight, k_weight, position_ids;
};

struct Shape {
  int64_t q_heads, k_heads, v_heads, head_dim, rotary_dim;
};

struct Numbers {
  double eps, base, factor, low, high, attention_factor;
};

void check_weight(const Arg& weight, int64_t head_dim) {
  check_dim(weight, 1);
  check_size(weight, 0, head_dim, "head_dim");
  check_contiguous(weight);
}

void check_shape(const Shape& shape) {
  check_at_least("num_heads_q", shape.q_heads, 0);
  check_at_most("num_heads_q", shape.q_heads, kMostHeads, "the kernel counts heads in 32 bits");
  check_at_least("num_heads_k", shape.k_heads, 0);
  check_at_most("num_heads_k", shape.k_heads, kMostHeads, "the kernel counts heads in 32 bits");
  check_at_least("num_heads_v", shape.v_heads, 0);
  check_at_most("num_heads_v", shape.v_heads, kMostHeads, "the kernel counts heads in 32 bits");
  check_at_least("head_dim", shape.head_dim, 1);
  check_at_most("head_dim", shape.head_dim, kMostOfNormedHead, "a warp holds a head");
}

void check(const Tensors& of, const Shape& shape, const Numbers& numbers) {
  check_same_device(of.q_weight, of.qkv);
  check_same_device(of.k_weight, of.qkv);
  check_same_device(of.position_ids, of.qkv);
  check_dim(of.qkv, 2);
  check_dtype(of.qkv, {ScalarType::Half, ScalarType::BFloat16});
  check_same_dtype(of.q_weight, of.qkv);
  check_same_dtype(of.k_weight, of.qkv);
  check_shape(shape);
  check_size(of.qkv, 1, (shape.q_heads + shape.k_heads + shape.v_heads) * shape.head_dim, "all heads times head_dim");
  check_inner_stride(of.qkv);
  check_weight(of.q_weight, shape.head_dim);
  check_weight(of.k_weight, shape.head_dim);
  check_dtype(of.position_ids, {ScalarType::Int, ScalarType::Long});
  check_dim(of.position_ids, 1);
  check_size(of.position_ids, 0, of.qkv.size(0), "the tokens of qkv");
  check_contiguous(of.position_ids);
  check_at_least("rotary_dim", shape.rotary_dim, 0);
  check_multiple("rotary_dim", shape.rotary_dim, 2);
  check_at_most("rotary_dim", shape.rotary_dim, shape.head_dim, "head_dim");
  check_above("base", numbers.base, 0);
  check_above("factor", numbers.factor, 0);
}

// What is written is apart from all that is read.
int64_t check_memory(const Tensors& of) {
  const int64_t stride = out_row_stride(of.qkv);
  const Rows rows = rows_of(of.qkv, stride);
  for (const Arg* other : {&of.q_weight, &of.k_weight, &of.position_ids}) {
    check_apart(of.qkv, rows, *other, span_of(*other));
  }
  return stride;
}

FusedQkNormRopeProblem problem_of(const Tensors& of, const Shape& shape, const Numbers& numbers) {
  FusedQkNormRopeProblem problem;
  problem.q_weight = of.q_weight.data();
  problem.k_weight = of.k_weight.data();
  problem.positions = {of.position_ids.data(), of.position_ids.dtype_number() == number_of(ScalarType::Long)};
  problem.tokens = of.qkv.size(0);
  problem.q_heads = int(shape.q_heads);
  problem.k_heads = int(shape.k_heads);
  problem.head_dim = int(shape.head_dim);
  problem.rotary_dim = int(shape.rotary_dim);
  problem.eps = float(numbers.eps);
  problem.attention_factor = float(numbers.attention_factor);
  problem.dtype = to_dtype(of.qkv.dtype_number());
  // In long double: see csrc/elementwise/rope.cpp.
  const int64_t rotary_dim = shape.rotary_dim > 0 ? shape.rotary_dim : 1;
  problem.octaves = double(std::log2l(numbers.base) * 2 / rotary_dim);
  problem.inverse_factor = 1 / numbers.factor;
  const double high = numbers.high == numbers.low ? numbers.high + 0.001 : numbers.high;
  problem.ramp_slope = 1 / (high - numbers.low);
  problem.ramp_offset = -numbers.low / (high - numbers.low);
  return problem;
}

void fused_qk_norm_rope(const Tensor& qkv, int64_t num_heads_q, int64_t num_heads_k, int64_t num_heads_v,
                        int64_t head_dim, double eps, const Tensor& q_weight, const Tensor& k_weight, double base,
                        bool is_neox, const Tensor& position_ids, double factor, double low, double high,
                        double attention_factor, std::optional<int64_t> rotary_dim) {
  const Tensors tensors{
      {qkv, "qkv"}, {q_weight, "q_weight"}, {k_weight, "k_weight"}, {position_ids, "position_ids"}};
  const Shape shape{num_heads_q, num_heads_k, num_heads_v, head_dim, rotary_dim.value_or(head_dim)};
  const Numbers numbers{eps, base, factor, low, high, attention_factor};
  check(tensors, shape, numbers);
  if (tensors.qkv.numel() == 0) return;
  const int64_t token_stride = check_memory(tensors);
  if (num_heads_q + num_heads_k == 0) return;
  FusedQkNormRopeProblem problem = problem_of(tensors, shape, numbers);
  problem.token_stride = token_stride;
  problem.interleave = !is_neox;

  LaunchScope scope(tensors.qkv);
  problem.qkv = qkv.mutable_data_ptr();
  launch_dependent("fused_qk_norm_rope", kPaths, scope, problem, std::nullopt, scope.device());
}

}  // namespace

WARPWRIGHT_OPERATOR(fused_qk_norm_rope,
                    "(Tensor! qkv, int num_heads_q, int num_heads_k, int num_heads_v, int head_dim, float eps, "
                    "Tensor q_weight, Tensor k_weight, float base, bool is_neox, Tensor position_ids, float factor, "
                    "float low, float high, float attention_factor, int? rotary_dim=None) -> ()");

}  // namespace warpwright::torch_api
