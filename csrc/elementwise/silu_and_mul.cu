// Launch function of silu_and_mul: the same code on every SM.

#include <algorithm>

#include "warpwright/elementwise/silu_and_mul.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright {

namespace silu_and_mul_launch {

template <typename T, int kSize>
Status with_vectors_of(const SiluAndMulProblem& problem, cudaStream_t stream) {
  const int64_t chunks = problem.hidden / kSize;
  const int64_t threads = chunks < 256 ? (chunks + 31) / 32 * 32 : 256;
  const Grid grid{(chunks + threads - 1) / threads, std::min(problem.rows, kMaxGridY)};
  return launch_kernel<silu_and_mul_kernel<T, kSize>>({grid, threads}, stream, problem);
}

}  // namespace silu_and_mul_launch

Status silu_and_mul(const SiluAndMulProblem& problem, cudaStream_t stream) {
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    const bool vectors = takes_vectors<T>(problem.input, problem.input_stride, problem.hidden) &&
                         takes_vectors<T>(problem.out, problem.out_stride, problem.hidden);
    return vectors ? silu_and_mul_launch::with_vectors_of<T, kFullVector<T>>(problem, stream)
                   : silu_and_mul_launch::with_vectors_of<T, 1>(problem, stream);
  });
}

}  // namespace warpwright
