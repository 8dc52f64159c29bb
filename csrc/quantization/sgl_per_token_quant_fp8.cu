// Launch function of all that quantises rows, as they are or gated: the same code on every SM.

#include "warpwright/quantization/quantize.h"
#include "warpwright/rows/launch_rows.cuh"

namespace warpwright {

Status sgl_per_token_quant_fp8(const RowProblem& problem, const Device& device, cudaStream_t stream) {
  return with_float_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    return problem.gated ? launch_quantized_rows<T, SiluAndMulSource<T>, NoNorm>(problem, device, stream)
                         : launch_quantized_rows<T, PlainSource<T>, NoNorm>(problem, device, stream);
  });
}

}  // namespace warpwright
