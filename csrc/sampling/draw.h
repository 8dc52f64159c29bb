// What the operators that draw share: their arguments, checked in the words of python/warpwright/sampling/_draw.py, and
// the launch.
#pragma once

#include <optional>
#include <tuple>

#include "torch/arg.h"
#include "torch/launch.h"
#include "warpwright/sampling/draw_problem.h"

namespace warpwright::torch_api {

// A tensor of one number for each draw, and the number for all where it is not given.
template <typename Number>
struct NumberArgument {
  const std::optional<Tensor>* each = nullptr;
  Number all;
};

// Its tensor, where there is one.
template <typename Number>
std::optional<Arg> each_of(const NumberArgument<Number>& number, const char* name) {
  return number.each == nullptr ? std::nullopt : optional_arg(*number.each, name);
}

// What lets all classes pass.
constexpr NumberArgument<int64_t> kAllClasses{nullptr, kMostClasses};
constexpr NumberArgument<double> kAllMass{nullptr, 1.0}, kNoMinP{nullptr, 0.0};

struct RandomArguments {
  int64_t seed, offset;
  const std::optional<Tensor>&seeds, &offsets;
};

// The classes that may be drawn.
struct FilterArguments {
  Filter filter = Filter::kNone;
  NumberArgument<int64_t> top_k = kAllClasses;
  NumberArgument<double> top_p = kAllMass, min_p = kNoMinP;
  bool top_k_first = true;
};

using Draws = std::tuple<Tensor, Tensor>;

// Checks, allocates the samples and which of them are valid, and launches where there is something to draw.
Draws draw_from_probs(const char* op, const SmPath<DrawLaunch>* paths, const Tensor& probs,
                      const std::optional<Tensor>& indices, const FilterArguments& filter,
                      const RandomArguments& random);
Draws draw_from_logits(const char* op, const SmPath<DrawLaunch>* paths, const Tensor& logits,
                       const std::optional<Tensor>& indices, const FilterArguments& filter,
                       const RandomArguments& random);

// One dimension of numbers of a dtype, one for each draw or row, and on one device with the scores.
void check_numbers(const std::optional<Arg>& numbers, ScalarType dtype, int64_t count, const char* why, const Arg& on);

// Two dimensions, of 1 to kMostClasses columns whose elements are adjacent.
void check_scores(const Arg& scores, const char* columns);

// k as the kernels take it: they hold no row of 2^31 classes.
int32_t to_top_k(int64_t top_k);

}  // namespace warpwright::torch_api
