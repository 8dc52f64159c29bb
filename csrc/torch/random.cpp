#include "torch/random.h"

#include "torch/checks.h"

namespace warpwright::torch_api {

namespace {

void check_numbers(const std::optional<Arg>& arg, int64_t rows, const Arg& on) {
  if (!arg.has_value()) return;
  check_same_device(*arg, on);
  check_dtype(*arg, {ScalarType::Long});
  check_dim(*arg, 1);
  if (arg->size(0) != 1) check_size(*arg, 0, rows, "one for each row, or one for all");
  check_contiguous(*arg);
}

}  // namespace

void check_random(const std::optional<Arg>& seeds, const std::optional<Arg>& offsets, int64_t rows, const Arg& on) {
  check_numbers(seeds, rows, on);
  check_numbers(offsets, rows, on);
}

RandomSource random_source(const LaunchScope& scope, int64_t seed, int64_t offset, const std::optional<Arg>& seeds,
                           const std::optional<Arg>& offsets) {
  if (!seeds.has_value() && !offsets.has_value() && scope.is_captured()) {
    fail(
        "seed and offset are numbers, which every replay of the graph that is captured would use again: pass CUDA "
        "tensors that you advance, or a generator that the graph knows, or neither");
  }
  RandomSource source;
  source.seed = seed;
  source.offset = offset;
  source.seeds = data_of<int64_t>(seeds);
  source.offsets = data_of<int64_t>(offsets);
  source.seed_for_each_row = seeds.has_value() && seeds->size(0) != 1;
  source.offset_for_each_row = offsets.has_value() && offsets->size(0) != 1;
  return source;
}

}  // namespace warpwright::torch_api
