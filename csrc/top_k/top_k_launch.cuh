// What the launch functions of the selections share.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/top_k/top_k.cuh"
#include "warpwright/top_k/top_k_plan.h"

namespace warpwright {

namespace top_k_launch {

constexpr uint32_t infinity_of(Dtype dtype) {
  return dtype == Dtype::kFloat32   ? kInfinityBits<float>
         : dtype == Dtype::kFloat16 ? kInfinityBits<__half>
                                    : kInfinityBits<__nv_bfloat16>;
}

template <typename T, typename Sink, bool kClustered, int kSm>
Status with_plan(const TopKProblem& p, const Device& device, const TopKPlan& plan, cudaStream_t stream) {
  const int64_t all = p.rows * plan.blocks;
  LaunchShape shape{{all < kMaxGridX ? all : kMaxGridX / plan.blocks * plan.blocks}, plan.threads};
  shape.shared_memory = kListBytes<Sink> + 16 * plan.held_steps * plan.threads + int(plan.mark_bytes);
  shape.cluster = kClustered ? plan.blocks : 0;
  shape.dependent = p.dependent;
  const uint32_t infinity = infinity_of(p.dtype);
  return launch_kernel<top_k_kernel<T, Sink, kClustered, kSm>>(device, shape, stream, p, infinity, plan.held_steps,
                                                               plan.mark_bytes > 0);
}

template <typename T, typename Sink, int kSm>
Status with_sink(const TopKProblem& p, const Device& device, cudaStream_t stream) {
  constexpr bool kClusters = kSm >= 90;
  constexpr int kSize = kFullVector<T>, kFixed = int(sizeof(TopKShared<kClusters>)) + 64;
  const bool begins_within =
      p.starts != nullptr || reinterpret_cast<uintptr_t>(p.input) % 16 != 0 || p.row_stride % kSize != 0;
  const TopKRows work{p.rows, (p.columns + kSize - 1) / kSize, begins_within};
  // The largest alone is found while the row is read.
  const bool keeps = Sink::kMayTakeAll || p.k != 1;
  const int64_t room = keeps ? device.shared_memory_per_block - kFixed - kListBytes<Sink> : 0;
  const TopKPlan plan =
      plan_top_k(work, kClusters ? kMostBlocksOfRow : 1, device.sm_count, room, keeps ? kMarkBytes<T, Sink> : 0);
  if constexpr (kClusters) {
    if (plan.blocks > 1) return with_plan<T, Sink, true, kSm>(p, device, plan, stream);
  }
  return with_plan<T, Sink, false, kSm>(p, device, plan, stream);
}

template <typename T, int kSm>
Status with_word(const TopKProblem& p, const Device& device, cudaStream_t stream) {
  if (p.places != nullptr) return with_sink<T, PlaceSink, kSm>(p, device, stream);
  return p.sorted ? with_sink<T, PairSink<T, true>, kSm>(p, device, stream)
                  : with_sink<T, PairSink<T, false>, kSm>(p, device, stream);
}

// On SM 9.0 clusters of blocks may share a row.
template <int kSm>
Status run(const TopKProblem& p, const Device& device, cudaStream_t stream) {
  return p.dtype == Dtype::kFloat32 ? with_word<uint32_t, kSm>(p, device, stream)
                                    : with_word<uint16_t, kSm>(p, device, stream);
}

}  // namespace top_k_launch

}  // namespace warpwright
