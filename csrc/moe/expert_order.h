// What the operators that order elements by their experts share. python/warpwright/moe/_expert_order.py has the same
// checks in the same words.
#pragma once

#include <cstdint>
#include <vector>

#include "torch/arg.h"
#include "warpwright/moe/expert_order.h"

namespace warpwright::torch_api {

// Ids are contiguous int32 or int64, and neither they nor the experts are more than an int32 counts.
void check_expert_ids(const Arg& topk_ids, int64_t num_experts);

// What is written is contiguous int32 of so many dimensions, on the device of the ids.
void check_order_output(const Arg& out, const Arg& topk_ids, int64_t dim);

// What is written has no byte in common with the ids, nor with each other.
void check_orders_apart(const std::vector<const Arg*>& outs, const Arg& topk_ids);

ExpertOrderProblem expert_order_of(const Arg& topk_ids, int64_t num_experts);

int32_t* order_output(const Tensor& out);

}  // namespace warpwright::torch_api
