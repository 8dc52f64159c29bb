// Launch function of sgl_per_tensor_quant_fp8: the same code on every SM.

#include <algorithm>

#include "warpwright/launch_kernel.cuh"
#include "warpwright/quantization/quantize.h"
#include "warpwright/quantization/tensor_quant.cuh"
#include "warpwright/rows/launch_rows.cuh"

namespace warpwright {

namespace tensor_quant {

template <typename T, int kSize>
Status with_vectors_of(const RowProblem& p, const Device& device, Workspace workspace, cudaStream_t stream) {
  const int64_t turns = (p.rows * (p.hidden / kSize) + kTurn - 1) / kTurn;
  const int blocks = int(std::min<int64_t>(turns, 4 * int64_t{device.sm_count}));
  LaunchShape shape{{blocks}, kTensorThreads};
  shape.dependent = p.dependent;
  const TensorArguments<T> arguments(p);
  if (p.quantization.scale_of == ScaleOf::kTensor) {
    return launch_kernel<tensor_quant_kernel<T, kSize>>(shape, stream, arguments, static_cast<const float*>(nullptr), 0);
  }
  auto* of_blocks = static_cast<float*>(workspace(blocks * sizeof(float)));
  const Status found = launch_kernel<largest_kernel<T, kSize>>(shape, stream, arguments, of_blocks);
  if (!found.ok()) return found;
  return launch_kernel<tensor_quant_kernel<T, kSize>>(shape, stream, arguments, static_cast<const float*>(of_blocks), blocks);
}

template <typename T>
bool in_vectors(const RowProblem& p) {
  constexpr int kSize = kFullVector<T>;
  return takes_vectors<T>(p.input, p.input_stride, p.hidden) && reinterpret_cast<uintptr_t>(p.out) % kSize == 0 &&
         p.out_stride % kSize == 0;
}

}  // namespace tensor_quant

Status sgl_per_tensor_quant_fp8(const RowProblem& problem, const Device& device, Workspace workspace,
                                cudaStream_t stream) {
  return with_float_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    const bool is_given = problem.quantization.scale_of == ScaleOf::kTensor;
    if (is_given && rows_take_vectors<T, PlainSource<T>, NoNorm, TensorSink, T, kFullVector<T>>(problem)) {
      return launch_pieces<T, PlainSource<T>, TensorSink>(problem, device, stream);
    }
    return tensor_quant::in_vectors<T>(problem)
               ? tensor_quant::with_vectors_of<T, kFullVector<T>>(problem, device, workspace, stream)
               : tensor_quant::with_vectors_of<T, 1>(problem, device, workspace, stream);
  });
}

}  // namespace warpwright
