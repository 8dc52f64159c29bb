#include "elementwise/rope.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "elementwise/rope_heads.h"
#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

namespace {

constexpr double kPi = 3.14159265358979323846;

void check_indices(const Arg& arg) {
  check_dtype(arg, {ScalarType::Int, ScalarType::Long});
  check_dim(arg, 1);
  check_contiguous(arg);
}

Indices indices_of(const Arg& arg) { return {arg.data(), arg.dtype_number() == number_of(ScalarType::Long)}; }

RopeHeads problem_of(const Arg& arg, const Heads& heads) {
  RopeHeads problem;
  problem.input = arg.data();
  problem.heads = heads.heads;
  problem.token_stride = heads.token_stride;
  problem.head_stride = heads.head_stride;
  return problem;
}

void check_rotary_dim(const char* what, int64_t rotary_dim, int64_t head_dim, const char* why) {
  check_at_least(what, rotary_dim, 0);
  check_multiple(what, rotary_dim, 2);
  check_at_most(what, rotary_dim, head_dim, why);
}

void check_qk(const Arg& q, const Arg& k) {
  check_dim(q, 3);
  check_dtype(q, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_dim(k, 3);
  check_same_dtype(k, q);
  check_size(k, 0, q.size(0), "the tokens of q");
  check_size(k, 2, q.size(2), "the head dimension of q");
  check_inner_stride(q);
  check_inner_stride(k);
}

void check_positions(const RopePositions& positions, int64_t tokens) {
  if (positions.pos_ids) {
    check_indices(*positions.pos_ids);
    check_size(*positions.pos_ids, 0, tokens, "the tokens of q");
    return;
  }
  check_indices(*positions.indptr);
  check_indices(*positions.offsets);
  check_size(*positions.indptr, 0, positions.offsets->size(0) + 1, "one more than offsets");
}

void check_numbers(const RopeNumbers& numbers, const Llama31Numbers* llama31) {
  check_above("rope_scale", numbers.rope_scale, 0);
  check_above("rope_theta", numbers.rope_theta, 0);
  if (llama31 == nullptr) return;
  check_above("low_freq_factor", llama31->low_freq_factor, 0);
  check_above("high_freq_factor", llama31->high_freq_factor, llama31->low_freq_factor, ", which is low_freq_factor");
}

// Llama 3.1 keeps a frequency of which old_context_len holds high_freq_factor waves or more, and scales one of
// low_freq_factor waves or fewer; between them the part that is kept grows evenly with the waves.
RopeFrequencies frequencies_of(const RopeNumbers& numbers, const Llama31Numbers* llama31, int64_t rotary_dim) {
  RopeFrequencies found;
  // In long double, since glibc 2.29 gave those of double a new version, which a manylinux_2_28 wheel may not ask for.
  found.octaves = double(std::log2l(numbers.rope_theta) * 2 / std::max<int64_t>(rotary_dim, 1));
  found.ratio = double(std::exp2l(-found.octaves));
  found.inverse_scale = 1 / numbers.rope_scale;
  if (llama31 == nullptr) return found;
  const double width = llama31->high_freq_factor - llama31->low_freq_factor;
  found.part_slope = llama31->old_context_len / (2 * kPi * width);
  found.part_offset = -llama31->low_freq_factor / width;
  return found;
}

void check_apart_from(const Arg& out, const Rows& rows, std::initializer_list<const Arg*> others) {
  for (const Arg* other : others) {
    if (other != nullptr) check_apart(out, rows, *other, span_of(*other));
  }
}

const Arg* address_of(const std::optional<Arg>& arg) { return arg.has_value() ? &*arg : nullptr; }

// q and k where they are written: apart from each other and from all that is read.
void check_written(const Arg& q, const Heads& q_heads, const Arg* k, const Heads& k_heads,
                   std::initializer_list<const Arg*> others) {
  const bool has_q = q_heads.numel() > 0, has_k = k != nullptr && k_heads.numel() > 0;
  const Rows q_rows = has_q ? written_heads(q, q_heads) : span_of(q);
  const Rows k_rows = has_k ? written_heads(*k, k_heads) : Rows{0, 0, 0, 0};
  if (has_q && has_k) check_apart(q, q_rows, *k, k_rows);
  if (has_q) check_apart_from(q, q_rows, others);
  if (has_k) check_apart_from(*k, k_rows, others);
}

}  // namespace

RopeProblem check_rope(const Arg& q, const Arg& k, const RopePositions& positions, const RopeNumbers& numbers,
                       const Llama31Numbers* llama31, bool in_place) {
  check_same_device(k, q);
  for (const auto* indices : {&positions.pos_ids, &positions.indptr, &positions.offsets}) {
    if (indices->has_value()) check_same_device(**indices, q);
  }
  check_qk(q, k);
  check_positions(positions, q.size(0));
  const int64_t head_dim = q.size(2), rotary_dim = numbers.rotary_dim.value_or(head_dim);
  check_rotary_dim("rotary_dim", rotary_dim, head_dim, "the head dimension of q");
  check_numbers(numbers, llama31);
  RopeProblem problem;
  if (q.numel() + k.numel() == 0) return problem;
  const Heads q_heads = heads_of(q, 1, head_dim), k_heads = heads_of(k, 1, head_dim);
  const Arg *pos_ids = address_of(positions.pos_ids), *indptr = address_of(positions.indptr);
  const Arg* offsets = address_of(positions.offsets);
  if (in_place) check_written(q, q_heads, &k, k_heads, {pos_ids, indptr, offsets});
  problem.q = problem_of(q, q_heads);
  problem.k = problem_of(k, k_heads);
  problem.tokens = q.size(0);
  problem.head_dim = head_dim;
  problem.rotary_dim = rotary_dim;
  problem.dtype = to_dtype(q.dtype_number());
  problem.interleave = numbers.interleave;
  problem.in_place = in_place;
  problem.positions = indices_of(pos_ids != nullptr ? *pos_ids : *offsets);
  if (indptr != nullptr) {
    problem.indptr = indices_of(*indptr);
    problem.segments = offsets->size(0);
  }
  problem.frequencies = frequencies_of(numbers, llama31, rotary_dim);
  return problem;
}

namespace {

// (tokens..., heads * head_size) or (tokens..., heads, head_size), as many tokens as there are positions.
void check_cached_heads(const Arg& arg, const Arg& positions, int64_t head_size) {
  const int64_t tokens = positions.dim();
  WARPWRIGHT_CHECK(arg.dim() == tokens + 1 || arg.dim() == tokens + 2, arg.name, " has ", arg.dim(),
                   " dimensions, shape ", shape_of(arg), "; expected ", tokens + 1, " or ", tokens + 2);
  for (int64_t dim = 0; dim < tokens; ++dim) check_size(arg, dim, positions.size(dim), "that of positions");
  const int64_t last = arg.dim() - 1;
  if (last == tokens) {
    const std::string what = std::string("the last dimension of ") + arg.name;
    check_multiple(what.c_str(), arg.size(last), head_size);
  } else {
    check_size(arg, last, head_size, "head_size");
  }
  check_inner_stride(arg);
}

void check_cached_tensors(const CachedRopeArguments& of, bool any_shape) {
  check_same_device(of.query, of.positions);
  if (of.key) check_same_device(*of.key, of.positions);
  check_same_device(of.cos_sin_cache, of.positions);
  check_dtype(of.positions, {ScalarType::Int, ScalarType::Long});
  if (any_shape) {
    check_min_dim(of.positions, 1);
  } else {
    check_dim(of.positions, 1);
  }
  check_contiguous(of.positions);
  check_at_least("head_size", of.head_size, 1);
  check_dtype(of.query, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_cached_heads(of.query, of.positions, of.head_size);
  if (of.key) {
    check_same_dtype(*of.key, of.query);
    check_cached_heads(*of.key, of.positions, of.head_size);
  }
  if (!any_shape || of.cos_sin_cache.dtype_number() != of.query.dtype_number()) {
    check_dtype(of.cos_sin_cache, {ScalarType::Float});
  }
  check_dim(of.cos_sin_cache, 2);
  check_contiguous(of.cos_sin_cache);
  check_rotary_dim("the last dimension of cos_sin_cache", of.cos_sin_cache.size(1), of.head_size, "head_size");
}

}  // namespace

RopeProblem check_cached_rope(const CachedRopeArguments& of, bool any_shape, bool in_place) {
  check_cached_tensors(of, any_shape);
  RopeProblem problem;
  if (of.query.numel() + (of.key ? of.key->numel() : 0) == 0) return problem;
  const int64_t token_dims = of.positions.dim();
  const Heads q_heads = heads_of(of.query, token_dims, of.head_size);
  const Heads k_heads = of.key ? heads_of(*of.key, token_dims, of.head_size) : Heads{};
  const Arg* key = address_of(of.key);
  if (in_place) check_written(of.query, q_heads, key, k_heads, {&of.positions, &of.cos_sin_cache});
  problem.q = problem_of(of.query, q_heads);
  if (key != nullptr) problem.k = problem_of(*key, k_heads);
  problem.tokens = of.positions.numel();
  problem.head_dim = of.head_size;
  problem.rotary_dim = of.cos_sin_cache.size(1);
  problem.dtype = to_dtype(of.query.dtype_number());
  problem.interleave = !of.is_neox;
  problem.in_place = in_place;
  problem.positions = indices_of(of.positions);
  problem.is_cached = true;
  problem.cos_sin_cache = of.cos_sin_cache.data();
  problem.max_positions = of.cos_sin_cache.size(0);
  problem.cache_is_float32 = of.cos_sin_cache.dtype_number() == number_of(ScalarType::Float);
  return problem;
}

namespace {

void write_in_place(RopeHeads& heads, const Tensor& tensor) {
  heads.out = tensor.mutable_data_ptr();
  heads.out_token_stride = heads.token_stride;
  heads.out_head_stride = heads.head_stride;
}

void write_anew(RopeHeads& heads, const Tensor& tensor, int64_t tokens, int64_t head_dim) {
  heads.out = tensor.mutable_data_ptr();
  heads.out_token_stride = tokens <= 1 ? 0 : heads.heads * head_dim;
  heads.out_head_stride = heads.heads <= 1 ? 0 : head_dim;
}

}  // namespace

void launch_rope_in_place(const char* op, const SmPath<RopeLaunch>* paths, const Arg& q, const Arg* k,
                          RopeProblem problem) {
  if (problem.tokens == 0 || problem.rotary_dim == 0) return;
  LaunchScope scope(q);
  write_in_place(problem.q, q.tensor);
  if (k != nullptr) write_in_place(problem.k, k->tensor);
  launch_dependent(op, paths, scope, problem, std::nullopt, scope.device());
}

std::tuple<Tensor, Tensor> launch_rope(const char* op, const SmPath<RopeLaunch>* paths, const Arg& q, const Arg& k,
                                       RopeProblem problem) {
  LaunchScope scope(q);
  Tensor q_out = scope.empty_like(q), k_out = scope.empty_like(k);
  if (problem.tokens == 0) return {q_out, k_out};
  write_anew(problem.q, q_out, problem.tokens, problem.head_dim);
  write_anew(problem.k, k_out, problem.tokens, problem.head_dim);
  launch_dependent(op, paths, scope, problem, std::nullopt, scope.device());
  return {q_out, k_out};
}

}  // namespace warpwright::torch_api
