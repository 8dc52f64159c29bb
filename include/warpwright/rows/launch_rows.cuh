// Launches of the row kernels.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/rows/row_kernel.cuh"

namespace warpwright {

constexpr int64_t kMostColumns = 1 << 28;  // of a row in vectors: 32 bits count its columns, and a grid its pieces

// True where a thread's vectors, of kSize elements, and a group's threads are whole.
template <typename T, typename Source, typename Norm, typename Sink, typename W, int kSize>
bool rows_take_vectors(const RowProblem& p) {
  if (p.hidden > kMostColumns || p.hidden % kSize != 0 || !Source::takes_vectors(p)) return false;
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

template <typename Source, typename Norm, typename Sink>
RowWork work_of(const RowProblem& p, int vector) {
  RowWork work{p.rows, p.hidden / vector};
  work.waits = kWaits<Norm, Sink>;
  work.crowd = kCrowd<Source, Norm, Sink>;
  work.most_held = kMostHeld<Source, Norm, Sink>;
  if (Sink::kByGroup) work.group_threads = int(p.quantization.group / vector);
  return work;
}

inline LaunchShape shape_of(const RowProblem& p, const RowPlan& plan) {
  LaunchShape shape{blocks_in_turns(divide_up(p.rows, plan.rows_of_block)), plan.threads};
  shape.grid.y = plan.pieces;
  shape.threads_y = plan.rows_of_block;
  shape.dependent = p.dependent;
  return shape;
}

template <typename Source, typename Norm, typename Sink, typename W>
Status launch_any_rows(const RowProblem& p, cudaStream_t stream) {
  RowPlan plan;
  plan.threads = p.hidden < kRowThreads ? int(divide_up(p.hidden, 32) * 32) : kRowThreads;
  return launch_kernel<any_row_kernel<Source, Norm, Sink, W>>(shape_of(p, plan), stream, p);
}

template <typename Source, typename Norm, typename Sink, typename W, int kSize>
Status launch_held_rows(const RowProblem& p, const Device& device, cudaStream_t stream) {
  constexpr int kMost = kMostHeld<Source, Norm, Sink>;
  const RowPlan plan = plan_rows(work_of<Source, Norm, Sink>(p, kSize), device.sm_count);
  const LaunchShape shape = shape_of(p, plan);
  if (plan.held == 1) return launch_kernel<row_kernel<Source, Norm, Sink, W, 1, kSize>>(shape, stream, p);
  if constexpr (kMost >= 2) {
    if (plan.held == 2) return launch_kernel<row_kernel<Source, Norm, Sink, W, 2, kSize>>(shape, stream, p);
  }
  if constexpr (kMost >= 4) {
    if (plan.held == 4) return launch_kernel<row_kernel<Source, Norm, Sink, W, 4, kSize>>(shape, stream, p);
  }
  if constexpr (kMost >= 8) {
    if (plan.held == 8) return launch_kernel<row_kernel<Source, Norm, Sink, W, 8, kSize>>(shape, stream, p);
  }
  return launch_any_rows<Source, Norm, Sink, W>(p, stream);
}

// T is the element of the input, W that of the weights.
template <typename T, typename Source, typename Norm, typename Sink, typename W = T>
Status launch_rows(const RowProblem& p, const Device& device, cudaStream_t stream) {
  constexpr int kSize = kFullVector<T>;
  if constexpr (!kWaits<Norm, Sink>) {  // what is done once for each vector takes longest: half as often
    if (rows_take_vectors<T, Source, Norm, Sink, W, 2 * kSize>(p)) {
      return launch_held_rows<Source, Norm, Sink, W, 2 * kSize>(p, device, stream);
    }
  }
  if (rows_take_vectors<T, Source, Norm, Sink, W, kSize>(p)) {
    return launch_held_rows<Source, Norm, Sink, W, kSize>(p, device, stream);
  }
  return launch_any_rows<Source, Norm, Sink, W>(p, stream);
}

// The same, quantised: by one scale for each group of a row, or for more.
template <typename T, typename Source, typename Norm, typename W = T>
Status launch_quantized_rows(const RowProblem& p, const Device& device, cudaStream_t stream) {
  return p.quantization.scale_of == ScaleOf::kGroup
             ? launch_rows<T, Source, Norm, QuantizedSink<true>, W>(p, device, stream)
             : launch_rows<T, Source, Norm, QuantizedSink<false>, W>(p, device, stream);
}

}  // namespace warpwright
