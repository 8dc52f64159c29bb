// From a plan to a launch of the weight-only product.
#pragma once

#include <algorithm>

#include "warpwright/elementwise/vector.cuh"
#include "warpwright/gemm/gptq_marlin_gemm.cuh"
#include "warpwright/gemm/launch_kernel.cuh"

namespace warpwright::marlin_launch {

template <typename T, int kTiles, bool kZeros>
Status in_clusters(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                   cudaStream_t stream) {
  constexpr auto kKernel = gptq_marlin_gemm_kernel<T, kTiles, kZeros, MarlinMeeting::kCluster>;
  const dim3 grid(unsigned(plan.n_blocks * plan.split), unsigned(plan.m_blocks));
  return launch_clusters<kKernel>(device, grid, kMarlinThreads, plan.split, plan.shared_bytes, stream, problem,
                                  plan.steps, static_cast<float*>(nullptr));
}

template <typename T, int kTiles, bool kZeros>
Status with_workspace(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                      const Workspace& workspace, cudaStream_t stream) {
  constexpr auto kKernel = gptq_marlin_gemm_kernel<T, kTiles, kZeros, MarlinMeeting::kWorkspace>;
  const cudaError_t error = allow_shared_memory<kKernel>(device);
  if (error != cudaSuccess) return Status::from(error);
  const dim3 grid(unsigned(plan.n_blocks * plan.split), unsigned(plan.m_blocks));
  const int64_t count = problem.m * problem.n;
  float* partial = plan.split == 1 ? nullptr : static_cast<float*>(workspace(plan.split * count * sizeof(float)));
  kKernel<<<grid, kMarlinThreads, plan.shared_bytes, stream>>>(problem, plan.steps, partial);
  if (partial != nullptr) {
    const auto blocks = unsigned(std::min<int64_t>((count + 255) / 256, 65535));
    gptq_marlin_gemm_add_kernel<T><<<blocks, 256, 0, stream>>>(problem, partial, plan.split);
  }
  return Status::from(cudaGetLastError());
}

template <MarlinMeeting kMeeting, typename T, int kTiles, bool kZeros>
Status launch(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
              const Workspace& workspace, cudaStream_t stream) {
  if constexpr (kMeeting == MarlinMeeting::kCluster) {
    return in_clusters<T, kTiles, kZeros>(problem, plan, device, stream);
  } else {
    return with_workspace<T, kTiles, kZeros>(problem, plan, device, workspace, stream);
  }
}

template <MarlinMeeting kMeeting, typename T, bool kZeros>
Status for_tokens(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                  const Workspace& workspace, cudaStream_t stream) {
  switch (plan.m_tiles) {
    case 1:
      return launch<kMeeting, T, 1, kZeros>(problem, plan, device, workspace, stream);
    case 2:
      return launch<kMeeting, T, 2, kZeros>(problem, plan, device, workspace, stream);
    case 3:
      return launch<kMeeting, T, 3, kZeros>(problem, plan, device, workspace, stream);
    default:
      return launch<kMeeting, T, 4, kZeros>(problem, plan, device, workspace, stream);
  }
}

template <MarlinMeeting kMeeting>
Status run(const MarlinGemmProblem& problem, const Device& device, const Workspace& workspace, cudaStream_t stream) {
  const MarlinGemmPlan plan = plan_marlin_gemm(problem.m, problem.n, problem.k, device.sm_count);
  if (plan.m_blocks > 65535) return Status::refused("a has more tokens than a grid has rows of blocks: 4,194,240");
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    return problem.zeros != nullptr ? for_tokens<kMeeting, T, true>(problem, plan, device, workspace, stream)
                                    : for_tokens<kMeeting, T, false>(problem, plan, device, workspace, stream);
  });
}

}  // namespace warpwright::marlin_launch
