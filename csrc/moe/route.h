// What the operators that choose experts share: checks, in the words of python/warpwright/moe/_route.py, and problems.
#pragma once

#include "torch/arg.h"
#include "torch/launch.h"
#include "warpwright/moe/route.h"

namespace warpwright::torch_api {

// Dimensions, dtypes, sizes and strides of logits, and of a bias for each expert.
void check_logits(const Arg& logits, const std::optional<Arg>& bias);

// The problem of checked logits.
RouteProblem route_of(const Arg& logits, const std::optional<Arg>& bias);

// The outputs of an operator that writes to what it is given.
struct ChosenArgs {
  Arg weights, ids;
  std::optional<Arg> source_rows;
};

struct Chosen {
  const Tensor &weights, &ids;
  const std::optional<Tensor>* source_rows = nullptr;  // null where the operator has none
};

// Checks all, and makes the problem; one without tokens where there is nothing to write.
RouteProblem check_route(const ChosenArgs& out, const Arg& logits, const std::optional<Arg>& bias);

// Lets the problem write there, once a launch scope is open.
void write_to(RouteProblem& problem, const Chosen& chosen);

// Makes weights and ids of a problem whose checks are done, and launches it.
std::tuple<Tensor, Tensor> route_to_new(const char* op, const SmPath<RouteLaunch>* paths, RouteProblem& problem,
                                        const Arg& logits);

}  // namespace warpwright::torch_api
