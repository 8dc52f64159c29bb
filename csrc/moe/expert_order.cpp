#include "moe/expert_order.h"

#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

void check_expert_ids(const Arg& topk_ids, int64_t num_experts) {
  check_dtype(topk_ids, {ScalarType::Int, ScalarType::Long});
  check_contiguous(topk_ids);
  check_at_most("the number of elements of topk_ids", topk_ids.numel(), kMostExpertElements, "more are not counted");
  check_at_least("num_experts", num_experts, 1);
  check_at_most("num_experts", num_experts, kMostExperts, "a block counts for all of them");
}

void check_order_output(const Arg& out, const Arg& topk_ids, int64_t dim) {
  check_same_device(out, topk_ids);
  check_dtype(out, {ScalarType::Int});
  check_dim(out, dim);
  check_contiguous(out);
}

void check_orders_apart(const std::vector<const Arg*>& outs, const Arg& topk_ids) {
  for (auto out = outs.begin(); out != outs.end(); ++out) {
    check_apart(**out, span_of(**out), topk_ids, span_of(topk_ids));
    for (auto other = outs.begin(); other != out; ++other) {
      check_apart(**out, span_of(**out), **other, span_of(**other));
    }
  }
}

ExpertOrderProblem expert_order_of(const Arg& topk_ids, int64_t num_experts) {
  ExpertOrderProblem problem;
  problem.ids = topk_ids.data();
  problem.id_dtype = to_dtype(topk_ids.dtype_number());
  problem.elements = int32_t(topk_ids.numel());
  problem.experts = int32_t(num_experts);
  return problem;
}

int32_t* order_output(const Tensor& out) { return static_cast<int32_t*>(out.mutable_data_ptr()); }

}  // namespace warpwright::torch_api
