// Launches of the row kernels.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/rows/row_kernel.cuh"

namespace warpwright {

// True where a thread's vectors and a group's threads are whole.
template <typename T, typename Source, typename Norm, typename Sink>
bool rows_take_vectors(const RowProblem& p) {
  constexpr int kSize = kFullVector<T>;
  if (!Source::template takes_vectors<T>(p)) return false;
  if (Norm::kReadsWeights && !takes_vectors<T>(p.weight, 0, p.hidden)) return false;
  if (Norm::kCentres && !takes_vectors<T>(p.bias, 0, p.hidden)) return false;
  if (!kQuantizes<Sink>) return takes_vectors<T>(p.out, p.out_stride, p.hidden);
  if (reinterpret_cast<uintptr_t>(p.out) % kSize != 0 || p.out_stride % kSize != 0) return false;
  const int64_t group = p.quantization.group / kSize;
  return p.quantization.scale_of != ScaleOf::kGroup ||
         (p.quantization.group % kSize == 0 && group <= 32 && (group & (group - 1)) == 0);
}

template <typename T, typename Source, typename Norm, typename Sink>
Status launch_rows(const RowProblem& p, const Device& device, cudaStream_t stream) {
  RowPlan plan;
  if (rows_take_vectors<T, Source, Norm, Sink>(p)) {
    plan = plan_rows(p.rows, p.hidden / kFullVector<T>, device.sm_count);
  } else {
    plan.threads = p.hidden < kRowThreads ? int(divide_up(p.hidden, 32) * 32) : kRowThreads;
  }
  LaunchShape shape{blocks_in_turns(divide_up(p.rows, plan.rows_of_block)), plan.threads};
  shape.threads_y = plan.rows_of_block;
  shape.dependent = p.dependent;
  switch (plan.held) {
    case 1:
      return launch_kernel<row_kernel<T, Source, Norm, Sink, 1>>(shape, stream, p);
    case 2:
      return launch_kernel<row_kernel<T, Source, Norm, Sink, 2>>(shape, stream, p);
    case 4:
      return launch_kernel<row_kernel<T, Source, Norm, Sink, 4>>(shape, stream, p);
    case 8:
      return launch_kernel<row_kernel<T, Source, Norm, Sink, 8>>(shape, stream, p);
    default:
      return launch_kernel<any_row_kernel<T, Source, Norm, Sink>>(shape, stream, p);
  }
}

}  // namespace warpwright
