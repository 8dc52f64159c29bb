// Launch function of awq_dequantize: the same code on every SM.

#include "int4_launch.cuh"
#include "warpwright/vector.cuh"
#include "warpwright/quantization/int4_kernels.cuh"

namespace warpwright {

Status awq_dequantize(const DequantizeProblem& problem, cudaStream_t stream) {
  return with_float16_type(problem.dtype, [&](auto element) {
    const Grid grid = int4_launch::rows_of_blocks(problem.k, problem.n / 8, int4_launch::kThreads);
    return launch_kernel<awq_dequantize_kernel<decltype(element)>>({grid, int4_launch::kThreads}, stream, problem);
  });
}

}  // namespace warpwright
