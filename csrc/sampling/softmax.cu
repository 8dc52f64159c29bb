// Launch function of softmax: the same code on every SM.

#include "warpwright/launch_kernel.cuh"
#include "warpwright/sampling/softmax_kernel.cuh"

namespace warpwright {

Status softmax(const SoftmaxProblem& problem, cudaStream_t stream) {
  LaunchShape shape;
  shape.grid = {problem.rows};
  shape.threads = kRowThreads;
  shape.dependent = problem.dependent;
  return with_float_type(problem.dtype, [&](auto element) {
    return launch_kernel<softmax_kernel<decltype(element)>>(shape, stream, problem);
  });
}

}  // namespace warpwright
