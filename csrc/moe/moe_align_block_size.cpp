#include "moe/expert_order.h"
#include "torch/checks.h"
#include "torch/launch.h"
#include "torch/operator.h"
#include "warpwright/paths/moe_align_block_size.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<ExpertOrderLaunch> kPaths[] = {WARPWRIGHT_PATHS_moe_align_block_size};

struct Outputs {
  Arg sorted, experts, total, starts;
};

// There is room for all blocks that ids can fill: one for each element, or what the experts can.
void check_room(const Arg& out, int64_t blocks, const Arg& topk_ids, int64_t num_experts, int64_t block_size) {
  const int64_t elements = topk_ids.numel(), most = (elements + num_experts * (block_size - 1)) / block_size;
  WARPWRIGHT_CHECK(blocks >= elements || blocks >= most, out.name, " has room for ", blocks, " blocks of ", block_size,
                   ", expected room for ", elements, " or for ", most,
                   ": one for each element of topk_ids, or what num_experts experts can fill");
}

void check(const Arg& topk_ids, int64_t num_experts, int64_t block_size, const Outputs& outs, int64_t first_id) {
  check_expert_ids(topk_ids, num_experts);
  check_at_least("block_size", block_size, 1);
  check_at_most("block_size", block_size, kMostBlockSize, "places have to be counted in int32");
  check_at_least("first_id", first_id, -1);
  check_at_most("first_id", first_id, 0, "ids begin at 0, or at -1 for elements of other GPUs");
  for (const Arg* out : {&outs.sorted, &outs.experts, &outs.total, &outs.starts}) check_order_output(*out, topk_ids, 1);
  check_room(outs.sorted, outs.sorted.size(0) / block_size, topk_ids, num_experts, block_size);
  check_room(outs.experts, outs.experts.size(0), topk_ids, num_experts, block_size);
  check_numel(outs.total, 1, "the number of places");
  check_at_least("the size of cumsum_buffer", outs.starts.size(0), num_experts + 1);
  check_orders_apart({&outs.sorted, &outs.experts, &outs.total, &outs.starts}, topk_ids);
}

void moe_align_block_size(const Tensor& topk_ids, int64_t num_experts, int64_t block_size,
                          const Tensor& sorted_token_ids, const Tensor& experts_ids, const Tensor& num_tokens_post_pad,
                          const Tensor& cumsum_buffer, bool pad_sorted_token_ids, bool ignore_invalid_expert,
                          int64_t first_id) {
  const Arg ids{topk_ids, "topk_ids"};
  const Outputs outs{{sorted_token_ids, "sorted_token_ids"},
                     {experts_ids, "experts_ids"},
                     {num_tokens_post_pad, "num_tokens_post_pad"},
                     {cumsum_buffer, "cumsum_buffer"}};
  check(ids, num_experts, block_size, outs, first_id);

  LaunchScope scope(ids);
  ExpertOrderProblem problem = expert_order_of(ids, num_experts);
  problem.first_id = int32_t(first_id);
  problem.least_id = ignore_invalid_expert ? 0 : problem.first_id;
  problem.align = {order_output(sorted_token_ids), order_output(experts_ids), order_output(num_tokens_post_pad),
                   order_output(cumsum_buffer),    outs.sorted.size(0),       int32_t(block_size),
                   pad_sorted_token_ids};
  launch_dependent("moe_align_block_size", kPaths, scope, problem, std::nullopt, scope.device(), scope.workspace());
}

}  // namespace

WARPWRIGHT_OPERATOR(moe_align_block_size,
                    "(Tensor topk_ids, int num_experts, int block_size, Tensor! sorted_token_ids, Tensor! experts_ids, "
                    "Tensor! num_tokens_post_pad, Tensor! cumsum_buffer, bool pad_sorted_token_ids, "
                    "bool ignore_invalid_expert, int first_id) -> ()");

}  // namespace warpwright::torch_api
