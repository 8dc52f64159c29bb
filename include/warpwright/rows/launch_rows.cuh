// Launches of the row kernels.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/rows/any_row_kernel.cuh"
#include "warpwright/rows/row_kernel.cuh"

namespace warpwright {

constexpr int64_t kMostColumns = kMaxGridY * 1024;  // of a row in vectors: a grid counts its pieces, of 256 vectors

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

template <typename Source, typename Norm, typename Sink, int kSize>
RowWork work_of(const RowProblem& p) {
  RowWork work{p.rows, p.hidden / kSize};
  work.comes_in_pieces = kComesInPieces<Norm, Sink>;
  work.reads_much = Source::kCrowds || Norm::kCentres;
  work.best_held = kBestHeld<Norm>;
  work.most_held = kMostHeld<Source, Norm, Sink, kSize>;
  work.registers_of_vector = kRegisters<Source, Norm, Sink, kSize>;
  work.crowd = kCrowd<Source, Norm, Sink>;
  if (Sink::kByGroup) work.group_threads = int(p.quantization.group / kSize);
  return work;
}

// No memory has more rows of vectors than a grid has blocks for.
inline LaunchShape shape_of(const RowProblem& p, const RowPlan& plan) {
  LaunchShape shape{{divide_up(p.rows, plan.rows_of_block), plan.pieces}, plan.threads};
  shape.threads_y = plan.rows_of_block;
  shape.dependent = p.dependent;
  return shape;
}

template <typename Source, typename Norm, typename Sink, typename W>
Status launch_any_rows(const RowProblem& p, cudaStream_t stream) {
  const int64_t threads = p.hidden < kRowThreads ? divide_up(p.hidden, kWarp) * kWarp : kRowThreads;
  LaunchShape shape{blocks_in_turns(p.rows), threads};
  shape.dependent = p.dependent;
  const RowArguments<Source, Norm, Sink, W> arguments(p);
  return launch_kernel<any_row_kernel<Source, Norm, Sink, W>>(shape, stream, arguments);
}

template <typename Source, typename Norm, typename Sink, typename W, int kSize>
Status launch_held_rows(const RowProblem& p, const Device& device, cudaStream_t stream) {
  constexpr int kMost = kMostHeld<Source, Norm, Sink, kSize>;
  const RowPlan plan = plan_rows(work_of<Source, Norm, Sink, kSize>(p), device.sm_count);
  const LaunchShape shape = shape_of(p, plan);
  const RowArguments<Source, Norm, Sink, W> arguments(p);
  if constexpr (kComesInPieces<Norm, Sink>) {
    return launch_kernel<row_kernel<Source, Norm, Sink, W, 1, kSize>>(shape, stream, arguments);
  } else {
    if (plan.held == 1) return launch_kernel<row_kernel<Source, Norm, Sink, W, 1, kSize>>(shape, stream, arguments);
    if (plan.held == 2) return launch_kernel<row_kernel<Source, Norm, Sink, W, 2, kSize>>(shape, stream, arguments);
    if constexpr (kMost >= 4) {
      if (plan.held == 4) return launch_kernel<row_kernel<Source, Norm, Sink, W, 4, kSize>>(shape, stream, arguments);
    }
    if constexpr (kMost >= 8) {
      if (plan.held == 8) return launch_kernel<row_kernel<Source, Norm, Sink, W, 8, kSize>>(shape, stream, arguments);
    }
    return launch_any_rows<Source, Norm, Sink, W>(p, stream);
  }
}

// T is the element of the input, W that of the weights.
template <typename T, typename Source, typename Norm, typename Sink, typename W = T>
Status launch_rows(const RowProblem& p, const Device& device, cudaStream_t stream) {
  constexpr int kSize = kFullVector<T>;
  if (rows_take_vectors<T, Source, Norm, Sink, W, kSize>(p)) {
    return launch_held_rows<Source, Norm, Sink, W, kSize>(p, device, stream);
  }
  return launch_any_rows<Source, Norm, Sink, W>(p, stream);
}

// Rows whose threads wait for nobody. What is done once for each vector takes longest there: vectors of twice the size
// do it half as often.
template <typename T, typename Source, typename Sink>
Status launch_pieces(const RowProblem& p, const Device& device, cudaStream_t stream) {
  constexpr int kSize = 2 * kFullVector<T>;
  return rows_take_vectors<T, Source, NoNorm, Sink, T, kSize>(p)
             ? launch_held_rows<Source, NoNorm, Sink, T, kSize>(p, device, stream)
             : launch_rows<T, Source, NoNorm, Sink>(p, device, stream);
}

template <typename T, typename Source>
Status launch_groups(const RowProblem& p, const Device& device, cudaStream_t stream) {
  constexpr int kSize = 2 * kFullVector<T>;
  const bool is_plain = !p.quantization.packed && p.expert_rows == 0;
  return is_plain && rows_take_vectors<T, Source, NoNorm, GroupSink, T, kSize>(p)
             ? launch_held_rows<Source, NoNorm, GroupSink, T, kSize>(p, device, stream)
             : launch_pieces<T, Source, AnyGroupSink>(p, device, stream);
}

// A row quantised: by a scale for each of its groups, for itself or for the tensor.
template <typename T, typename Source, typename Norm, typename W = T>
Status launch_quantized_rows(const RowProblem& p, const Device& device, cudaStream_t stream) {
  const ScaleOf scale_of = p.quantization.scale_of;
  if (scale_of == ScaleOf::kRow) return launch_rows<T, Source, Norm, RowSink, W>(p, device, stream);
  if constexpr (Norm::kReadsWeights) {
    return scale_of == ScaleOf::kTensor ? launch_rows<T, Source, Norm, TensorSink, W>(p, device, stream)
                                        : launch_rows<T, Source, Norm, AnyGroupSink, W>(p, device, stream);
  } else {
    return scale_of == ScaleOf::kTensor ? launch_pieces<T, Source, TensorSink>(p, device, stream)
                                        : launch_groups<T, Source>(p, device, stream);
  }
}

}  // namespace warpwright
