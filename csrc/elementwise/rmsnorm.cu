// Launch function of the RMS norms: the same code on every SM.

#include "warpwright/elementwise/norm.h"
#include "warpwright/rows/launch_rows.cuh"

namespace warpwright {

Status rmsnorm(const RowProblem& problem, const Device& device, cudaStream_t stream) {
  return with_float_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    if (problem.residual == nullptr) {
      return launch_rows<T, PlainSource<T>, RmsNorm, FloatSink<T>>(problem, device, stream);
    }
    return launch_rows<T, SumSource<T>, RmsNorm, FloatSink<T>>(problem, device, stream);
  });
}

}  // namespace warpwright
