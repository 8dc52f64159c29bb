// Launch function of the RMS norms whose result is quantised: the same code on every SM.

#include "warpwright/fused/norm_quant.h"
#include "warpwright/rows/launch_rows.cuh"

namespace warpwright {

Status rmsnorm_quant(const RowProblem& problem, const Device& device, cudaStream_t stream) {
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    return problem.residual == nullptr ? launch_quantized_rows<T, PlainSource<T>, RmsNorm>(problem, device, stream)
                                       : launch_quantized_rows<T, SumSource<T>, RmsNorm>(problem, device, stream);
  });
}

}  // namespace warpwright
