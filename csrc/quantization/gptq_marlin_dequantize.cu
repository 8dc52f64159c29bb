// Launch functions of gptq_marlin_dequantize, and of what goes before a product by it: the same code on every SM.

#include "int4_launch.cuh"
#include "warpwright/vector.cuh"
#include "warpwright/quantization/int4_kernels.cuh"

namespace warpwright {

Status gptq_marlin_dequantize(const DequantizeProblem& problem, cudaStream_t stream) {
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    const LaunchShape shape{int4_launch::rows_of_blocks(problem.k / 16, problem.n / 64, kDequantizeWarps),
                            32 * kDequantizeWarps};
    return problem.g_idx != nullptr
               ? launch_kernel<gptq_marlin_dequantize_kernel<T, true>>(shape, stream, problem)
               : launch_kernel<gptq_marlin_dequantize_kernel<T, false>>(shape, stream, problem);
  });
}

Status gptq_marlin_gather_columns(const GatherColumnsProblem& problem, cudaStream_t stream) {
  return launch_kernel<gptq_marlin_gather_columns_kernel<uint16_t, kNaN16>>(
      {blocks_in_turns(problem.m), int4_launch::kThreads}, stream, problem);
}

}  // namespace warpwright
