// Arguments of the selections of the k largest, as problems of their launchers.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include "torch/arg.h"
#include "torch/launch.h"
#include "warpwright/top_k/top_k.h"

namespace warpwright::torch_api {

// Refuses rows among which nothing can be chosen.
TopKProblem check_rows(const Arg& input);

// Refuses a k, of this name, that a row does not have, or that is more than can be sorted.
void check_k(TopKProblem& problem, const char* name, int64_t k, bool sorted);

// Refuses parts of rows that are not as the problem's rows are.
void check_parts(TopKProblem& problem, const Arg& score, const Arg& lengths, int64_t topk,
                 const std::optional<Arg>& row_starts);

// Refuses what does not hold a number for each row.
void check_of_rows(const Arg& numbers, const Arg& score);

// Makes the values and the indices of a checked problem, whose k is set; launches nothing where there are none.
std::tuple<Tensor, Tensor> take_pairs(const char* op, const SmPath<TopKLaunch>* paths, TopKProblem problem,
                                      const Arg& input);

// The same of a part of each row.
Tensor take_places(const char* op, const SmPath<TopKLaunch>* paths, TopKProblem problem, const Arg& score);

}  // namespace warpwright::torch_api
