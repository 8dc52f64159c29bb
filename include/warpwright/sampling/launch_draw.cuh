// Launches the kernels that draw.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/sampling/draw_kernel.cuh"

namespace warpwright {

template <typename Weights, typename T, Filter kFilter>
Status launch_draw(const DrawProblem& problem, cudaStream_t stream) {
  LaunchShape shape;
  shape.grid = {problem.draws};
  shape.threads = kRowThreads;
  shape.dependent = problem.dependent;
  return launch_kernel<draw_kernel<Weights, T, kFilter>>(shape, stream, problem);
}

}  // namespace warpwright
