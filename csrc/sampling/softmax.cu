// Launch function of softmax: the same code on every SM, but that clusters came with SM 9.0.

#include "warpwright/launch_kernel.cuh"
#include "warpwright/sampling/softmax_kernel.cuh"
#include "warpwright/sampling/softmax_plan.h"

namespace warpwright {

namespace softmax_launch {

template <typename T>
Status run(const SoftmaxProblem& problem, const Device& device, cudaStream_t stream) {
  const int64_t chunks = (problem.classes + kFullVector<T> - 1) / kFullVector<T>;
  const SoftmaxPlan plan = plan_softmax(problem.rows, chunks, sizeof(T), problem.has_clusters, device.sm_count);
  LaunchShape shape;
  shape.grid = {problem.rows * plan.blocks};
  shape.threads = kRowThreads;
  shape.cluster = plan.blocks > 1 ? plan.blocks : 0;
  shape.dependent = problem.dependent;
  if (plan.held == 0) return launch_kernel<softmax_kernel<T>>(shape, stream, problem);
  return plan.held <= 2 ? launch_kernel<softmax_held_kernel<T, 2>>(shape, stream, problem)
                        : launch_kernel<softmax_held_kernel<T, most_held(sizeof(T))>>(shape, stream, problem);
}

}  // namespace softmax_launch

Status softmax(const SoftmaxProblem& problem, const Device& device, cudaStream_t stream) {
  return with_float_type(problem.dtype,
                         [&](auto element) { return softmax_launch::run<decltype(element)>(problem, device, stream); });
}

}  // namespace warpwright
