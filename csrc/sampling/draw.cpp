#include "sampling/draw.h"

#include <algorithm>

#include "torch/checks.h"
#include "torch/random.h"

namespace warpwright::torch_api {

namespace {

constexpr const char* kForEachDraw = "one for each draw";

// The tensors that are given, with their names.
struct DrawTensors {
  Arg scores;
  std::optional<Arg> indices, top_k, top_p, min_p, seeds, offsets;

  DrawTensors(const Tensor& scores, const char* name, const std::optional<Tensor>& indices,
              const FilterArguments& filter, const RandomArguments& random)
      : scores(scores, name),
        indices(optional_arg(indices, "indices")),
        top_k(each_of(filter.top_k, "top_k")),
        top_p(each_of(filter.top_p, "top_p")),
        min_p(each_of(filter.min_p, "min_p")),
        seeds(optional_arg(random.seeds, "seeds")),
        offsets(optional_arg(random.offsets, "offsets")) {}

  int64_t draws() const { return indices.has_value() ? indices->size(0) : scores.size(0); }
};

void check_indices(const std::optional<Arg>& indices, const Arg& scores) {
  if (!indices.has_value()) return;
  check_same_device(*indices, scores);
  check_dtype(*indices, {ScalarType::Int, ScalarType::Long});
  check_dim(*indices, 1);
  check_contiguous(*indices);
}

void check(const DrawTensors& given) {
  check_indices(given.indices, given.scores);
  const int64_t draws = given.draws();
  check_numbers(given.top_k, ScalarType::Int, draws, kForEachDraw, given.scores);
  check_numbers(given.top_p, ScalarType::Float, draws, kForEachDraw, given.scores);
  check_numbers(given.min_p, ScalarType::Float, draws, kForEachDraw, given.scores);
  check_random(given.seeds, given.offsets, draws, given.scores);
}

DrawProblem problem_of(const LaunchScope& scope, const DrawTensors& given, const FilterArguments& filter,
                       const RandomArguments& random) {
  DrawProblem problem;
  problem.filter = filter.filter;
  problem.scores = given.scores.data();
  problem.rows = given.scores.size(0);
  problem.classes = given.scores.size(1);
  problem.row_stride = given.scores.stride(0);
  problem.dtype = to_dtype(given.scores.dtype_number());
  problem.indices = data_of<void>(given.indices);
  problem.long_indices = given.indices.has_value() && given.indices->dtype_number() == number_of(ScalarType::Long);
  problem.long_samples = problem.long_indices;
  problem.top_k = {data_of<int32_t>(given.top_k), to_top_k(filter.top_k.all)};
  problem.top_p = {data_of<float>(given.top_p), float(filter.top_p.all)};
  problem.min_p = {data_of<float>(given.min_p), float(filter.min_p.all)};
  problem.top_k_first = filter.top_k_first;
  problem.random = random_source(scope, random.seed, random.offset, given.seeds, given.offsets);
  return problem;
}

Draws draw(const char* op, const SmPath<DrawLaunch>* paths, const DrawTensors& given, const FilterArguments& filter,
           const RandomArguments& random) {
  check(given);
  const int64_t draws = given.draws();
  LaunchScope scope(given.scores);
  const int32_t dtype = given.indices.has_value() ? given.indices->dtype_number() : number_of(ScalarType::Int);
  Tensor samples = scope.empty(dtype, {draws}), valid = scope.empty(number_of(ScalarType::Bool), {draws});
  if (draws == 0) return {samples, valid};
  DrawProblem problem = problem_of(scope, given, filter, random);
  problem.draws = draws;
  problem.samples = samples.mutable_data_ptr();
  problem.valid = static_cast<bool*>(valid.mutable_data_ptr());
  launch_dependent(op, paths, scope, problem, std::nullopt);
  return {samples, valid};
}

}  // namespace

Draws draw_from_probs(const char* op, const SmPath<DrawLaunch>* paths, const Tensor& probs,
                      const std::optional<Tensor>& indices, const FilterArguments& filter,
                      const RandomArguments& random) {
  const DrawTensors given(probs, "probs", indices, filter, random);
  check_scores(given.scores, "the columns of probs");
  check_dtype(given.scores, {ScalarType::Float});
  return draw(op, paths, given, filter, random);
}

Draws draw_from_logits(const char* op, const SmPath<DrawLaunch>* paths, const Tensor& logits,
                       const std::optional<Tensor>& indices, const FilterArguments& filter,
                       const RandomArguments& random) {
  const DrawTensors given(logits, "logits", indices, filter, random);
  check_scores(given.scores, "the columns of logits");
  check_dtype(given.scores, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  return draw(op, paths, given, filter, random);
}

void check_numbers(const std::optional<Arg>& numbers, ScalarType dtype, int64_t count, const char* why, const Arg& on) {
  if (!numbers.has_value()) return;
  check_same_device(*numbers, on);
  check_dtype(*numbers, {dtype});
  check_dim(*numbers, 1);
  check_size(*numbers, 0, count, why);
  check_contiguous(*numbers);
}

void check_scores(const Arg& scores, const char* columns) {
  check_dim(scores, 2);
  check_at_least(columns, scores.size(1), 1);
  check_at_most(columns, scores.size(1), kMostClasses, "the kernels' sums are exact up to there");
  check_inner_stride(scores);
}

int32_t to_top_k(int64_t top_k) { return int32_t(std::clamp<int64_t>(top_k, 0, kMostClasses)); }

}  // namespace warpwright::torch_api
