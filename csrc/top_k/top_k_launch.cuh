// What the launch functions of the selections share.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/top_k/top_k.cuh"
#include "warpwright/top_k/top_k_plan.h"

namespace warpwright {

namespace top_k_launch {

template <typename T, typename Sink, bool kClustered>
Status with_plan(const TopKProblem& p, const Device& device, const TopKPlan& plan, int lists, cudaStream_t stream) {
  const int64_t all = p.rows * plan.blocks;
  LaunchShape shape{{all < kMaxGridX ? all : kMaxGridX / plan.blocks * plan.blocks}, plan.threads};
  shape.shared_memory = lists + 16 * plan.held_steps * plan.threads;
  shape.cluster = kClustered ? plan.blocks : 0;
  shape.dependent = p.dependent;
  return launch_kernel<top_k_kernel<T, Sink, kClustered>>(device, shape, stream, p, plan.held_steps);
}

template <typename T, typename Sink, bool kClusters>
Status with_sink(const TopKProblem& p, const Device& device, cudaStream_t stream) {
  constexpr int kSize = kFullVector<T>, kStatic = int(sizeof(TopKShared<kClusters>)) + 64;
  const int lists = Sink::kSorted ? kSortBytes : 0;
  const int64_t vectors = (p.columns + 2 * (kSize - 1)) / kSize;  // the first may begin within one
  const TopKPlan plan = plan_top_k(p.rows, vectors, kClusters ? kMostBlocksOfRow : 1, device.sm_count,
                                   device.shared_memory_per_block - kStatic - lists);
  if constexpr (kClusters) {
    if (plan.blocks > 1) return with_plan<T, Sink, true>(p, device, plan, lists, stream);
  }
  return with_plan<T, Sink, false>(p, device, plan, lists, stream);
}

template <bool kClusters>
Status run(const TopKProblem& p, const Device& device, cudaStream_t stream) {
  return with_float_type(p.dtype, [&](auto element) {
    using T = decltype(element);
    if (p.places != nullptr) return with_sink<T, PlaceSink, kClusters>(p, device, stream);
    return p.sorted ? with_sink<T, PairSink<T, true>, kClusters>(p, device, stream)
                    : with_sink<T, PairSink<T, false>, kClusters>(p, device, stream);
  });
}

}  // namespace top_k_launch

}  // namespace warpwright
