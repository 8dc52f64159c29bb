// Launch function of moe_align_block_size and prepare_moe_input: the same code on every SM.

#include "warpwright/launch_kernel.cuh"
#include "warpwright/moe/expert_order.cuh"

namespace warpwright {

namespace expert_order {

constexpr int kCountThreads = 512;

// Places beside those of elements that a block may have to fill.
int64_t places_to_fill(const ExpertOrderProblem& p) {
  if (p.prepares || !p.align.pads) return 0;
  return p.align.sorted_size > p.elements ? p.align.sorted_size - p.elements : 0;
}

template <typename Sink>
Status with_sink(const Sink& sink, const ExpertOrderPlan& plan, const ExpertOrderWork& work, const Device& device,
                 cudaStream_t stream) {
  LaunchShape shape{{plan.blocks}, plan.threads, plan.shared_memory};
  shape.dependent = work.problem.dependent;
  return launch_kernel<order_experts_kernel<Sink>>(device, shape, stream, work, sink);
}

}  // namespace expert_order

Status moe_align_block_size(const ExpertOrderProblem& p, const Device& device, Workspace workspace,
                            cudaStream_t stream) {
  using namespace expert_order;
  const ExpertOrderPlan plan = plan_expert_order(p.elements, p.experts, places_to_fill(p));
  ExpertOrderWork work{p, int32_t(plan.chunk), plan.warps, nullptr};
  if (plan.counts_first) {
    work.counts = static_cast<int32_t*>(workspace(sizeof(int32_t) * plan.blocks * p.experts));
    LaunchShape shape{{plan.blocks}, kCountThreads, int(sizeof(int32_t)) * p.experts};
    shape.dependent = p.dependent;
    const Status counted = launch_kernel<count_experts_kernel<kCountThreads>>(shape, stream, work);
    if (!counted.ok()) return counted;
  }
  return p.prepares ? with_sink(PrepareSink{p.prepare, p.elements}, plan, work, device, stream)
                    : with_sink(AlignSink{p.align, p.elements}, plan, work, device, stream);
}

}  // namespace warpwright
