// Launches the kernels that keep the largest scores.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/sampling/renorm_kernel.cuh"

namespace warpwright {

template <typename Rule, typename Weights>
Status launch_renorm(const RenormProblem& problem, cudaStream_t stream) {
  LaunchShape shape;
  shape.grid = {problem.rows};
  shape.threads = kRowThreads;
  shape.dependent = problem.dependent;
  return with_float_type(problem.dtype, [&](auto element) {
    return launch_kernel<renorm_kernel<Rule, Weights, decltype(element)>>(shape, stream, problem);
  });
}

}  // namespace warpwright
