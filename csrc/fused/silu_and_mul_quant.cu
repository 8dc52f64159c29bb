// Launch function of all that quantises the gated halves of rows: the same code on every SM.

#include "warpwright/fused/silu_and_mul_quant.h"
#include "warpwright/rows/launch_rows.cuh"

namespace warpwright {

Status silu_and_mul_quant(const RowProblem& problem, const Device& device, cudaStream_t stream) {
  return with_float_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    return launch_quantized_rows<T, SiluAndMulSource<T>, NoNorm>(problem, device, stream);
  });
}

}  // namespace warpwright
