// The random numbers of an operator: its arguments (int seed, int offset, Tensor? seeds, Tensor? offsets), checked in
// the words of python/warpwright/random.py.
#pragma once

#include <cstdint>
#include <optional>

#include "torch/arg.h"
#include "torch/launch.h"
#include "warpwright/random.h"

namespace warpwright::torch_api {

// Seeds and offsets, where they are given, are int64, of one element or of one for each row, on the device of `on`.
void check_random(const std::optional<Arg>& seeds, const std::optional<Arg>& offsets, int64_t rows, const Arg& on);

// What the kernels read of them. Numbers alone are refused while a graph is captured, which would keep them. Here, not
// in Python: what torch.compile made asks no Python.
RandomSource random_source(const LaunchScope& scope, int64_t seed, int64_t offset, const std::optional<Arg>& seeds,
                           const std::optional<Arg>& offsets);

}  // namespace warpwright::torch_api
