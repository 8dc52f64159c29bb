// Launches of the row kernels.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/rows/row_kernel.cuh"

namespace warpwright {

constexpr int64_t kMostColumns = 1 << 28;  // of a row in vectors: 32 bits count its columns, and a grid its pieces

// True where a thread's vectors, of T, and a group's threads are whole.
template <typename T, typename Source, typename Norm, typename Sink, typename W>
bool rows_take_vectors(const RowProblem& p) {
  constexpr int kSize = kFullVector<T>;
  if (p.hidden > kMostColumns || !Source::takes_vectors(p)) return false;
  if (Norm::kReadsWeights && !takes_vectors<W>(p.weight, 0, p.hidden)) return false;
  if (Norm::kCentres && !takes_vectors<W>(p.bias, 0, p.hidden)) return false;
  if constexpr (!Sink::kQuantizes) {
    return takes_vectors<T>(p.out, p.out_stride, p.hidden);
  } else {
    const int64_t threads = p.quantization.group / kSize;
    const bool whole = p.quantization.group % kSize == 0 && threads <= kWarp && (threads & (threads - 1)) == 0;
    return reinterpret_cast<uintptr_t>(p.out) % kSize == 0 && p.out_stride % kSize == 0 && (whole || !Sink::kByGroup);
  }
}

// Where no thread of a row waits for another's, a row may come in pieces.
template <typename Norm, typename Sink>
constexpr bool kWaits = Norm::kReadsWeights || !Sink::kByGroup;

template <typename Source, typename Norm, typename Sink>
RowWork work_of(const RowProblem& p, int vector) {
  RowWork work{p.rows, p.hidden / vector};
  work.waits = kWaits<Norm, Sink>;
  work.crowd = kCrowd<Source, Norm, Sink>;
  work.may_hold_eight = kMayHoldEight<Source, Norm, Sink>;
  if (Sink::kByGroup) work.group_threads = int(p.quantization.group / vector);
  return work;
}

// T is the element of the input, W that of the weights.
template <typename T, typename Source, typename Norm, typename Sink, typename W = T>
Status launch_rows(const RowProblem& p, const Device& device, cudaStream_t stream) {
  constexpr int kSize = kFullVector<T>;
  RowPlan plan;
  if (rows_take_vectors<T, Source, Norm, Sink, W>(p)) {
    plan = plan_rows(work_of<Source, Norm, Sink>(p, kSize), device.sm_count);
  } else {
    plan.threads = p.hidden < kRowThreads ? int(divide_up(p.hidden, 32) * 32) : kRowThreads;
  }
  LaunchShape shape{blocks_in_turns(divide_up(p.rows, plan.rows_of_block)), plan.threads};
  shape.grid.y = plan.pieces;
  shape.threads_y = plan.rows_of_block;
  shape.dependent = p.dependent;
  if constexpr (kWaits<Norm, Sink>) {
    if (plan.held == 4) return launch_kernel<row_kernel<Source, Norm, Sink, W, 4, kSize>>(shape, stream, p);
  }
  if constexpr (kMayHoldEight<Source, Norm, Sink>) {
    if (plan.held == 8) return launch_kernel<row_kernel<Source, Norm, Sink, W, 8, kSize>>(shape, stream, p);
  }
  switch (plan.held) {
    case 1:
      return launch_kernel<row_kernel<Source, Norm, Sink, W, 1, kSize>>(shape, stream, p);
    case 2:
      return launch_kernel<row_kernel<Source, Norm, Sink, W, 2, kSize>>(shape, stream, p);
    default:
      return launch_kernel<any_row_kernel<Source, Norm, Sink, W>>(shape, stream, p);
  }
}

// The same, quantised: by one scale for each group of a row, or for more.
template <typename T, typename Source, typename Norm, typename W = T>
Status launch_quantized_rows(const RowProblem& p, const Device& device, cudaStream_t stream) {
  return p.quantization.scale_of == ScaleOf::kGroup
             ? launch_rows<T, Source, Norm, QuantizedSink<true>, W>(p, device, stream)
             : launch_rows<T, Source, Norm, QuantizedSink<false>, W>(p, device, stream);
}

}  // namespace warpwright
