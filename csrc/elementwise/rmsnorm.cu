// Launch function of rmsnorm: the same code on every SM.

#include "warpwright/elementwise/rmsnorm.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright {

namespace rmsnorm_launch {

// Blocks have whole warps. A thread holds one vector of the row, more only where 1024 threads do not reach.
template <typename T>
Status held(const RmsNormProblem& problem, cudaStream_t stream) {
  const int64_t chunks = problem.hidden / kFullVector<T>;
  const int64_t each = chunks <= 1024 ? 1 : chunks <= 2048 ? 2 : 4;
  const LaunchShape shape{blocks_in_turns(problem.rows), (chunks + each * 32 - 1) / (each * 32) * 32};
  switch (each) {
    case 1:
      return launch_kernel<rmsnorm_held_kernel<T, 1>>(shape, stream, problem);
    case 2:
      return launch_kernel<rmsnorm_held_kernel<T, 2>>(shape, stream, problem);
    default:
      return launch_kernel<rmsnorm_held_kernel<T, 4>>(shape, stream, problem);
  }
}

template <typename T>
Status any(const RmsNormProblem& problem, cudaStream_t stream) {
  const int64_t threads = problem.hidden < 1024 ? (problem.hidden + 31) / 32 * 32 : 1024;
  return launch_kernel<rmsnorm_any_kernel<T>>({blocks_in_turns(problem.rows), threads}, stream, problem);
}

}  // namespace rmsnorm_launch

Status rmsnorm(const RmsNormProblem& problem, cudaStream_t stream) {
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    const bool vectors = takes_vectors<T>(problem.input, problem.input_stride, problem.hidden) &&
                         takes_vectors<T>(problem.out, problem.out_stride, problem.hidden) &&
                         takes_vectors<T>(problem.weight, 0, problem.hidden);
    const bool fits = problem.hidden / kFullVector<T> <= 4 * 1024;
    return vectors && fits ? rmsnorm_launch::held<T>(problem, stream) : rmsnorm_launch::any<T>(problem, stream);
  });
}

}  // namespace warpwright
