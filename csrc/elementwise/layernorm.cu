// Launch function of layernorm: the same code on every SM.

#include "warpwright/elementwise/norm.h"
#include "warpwright/rows/launch_rows.cuh"

namespace warpwright {

Status layernorm(const RowProblem& problem, const Device& device, cudaStream_t stream) {
  return with_float_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    if (problem.weight_dtype == problem.dtype) {
      return launch_rows<T, PlainSource<T>, LayerNorm, FloatSink<T>>(problem, device, stream);
    }
    return launch_rows<T, PlainSource<T>, LayerNorm, FloatSink<T>, float>(problem, device, stream);
  });
}

}  // namespace warpwright
