// From a plan to a launch of the weight-only product.
#pragma once

#include <algorithm>

#include "warpwright/elementwise/vector.cuh"
#include "warpwright/gemm/gptq_marlin_gemm.cuh"
#include "warpwright/gemm/launch_kernel.cuh"

namespace warpwright::marlin_launch {

template <typename T, int kTokens, bool kZeros>
Status in_clusters(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                   cudaStream_t stream) {
  constexpr auto kKernel = gptq_marlin_gemm_kernel<T, kTokens, kZeros, MarlinMeeting::kCluster>;
  const dim3 grid(unsigned(plan.n_blocks * plan.split), unsigned(plan.m_blocks));
  return launch_clusters<kKernel>(device, grid, kMarlinThreads, plan.split, plan.block.shared_bytes(), stream, problem,
                                  plan.steps, plan.split, static_cast<float*>(nullptr));
}

template <typename T, int kTokens, bool kZeros>
Status with_workspace(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                      const Workspace& workspace, cudaStream_t stream) {
  constexpr auto kKernel = gptq_marlin_gemm_kernel<T, kTokens, kZeros, MarlinMeeting::kWorkspace>;
  const cudaError_t error = allow_shared_memory<kKernel>(device);
  if (error != cudaSuccess) return Status::from(error);
  const dim3 grid(unsigned(plan.n_blocks * plan.split), unsigned(plan.m_blocks));
  const int64_t count = problem.m * problem.n;
  float* partial = plan.split == 1 ? nullptr : static_cast<float*>(workspace(plan.split * count * sizeof(float)));
  kKernel<<<grid, kMarlinThreads, plan.block.shared_bytes(), stream>>>(problem, plan.steps, plan.split, partial);
  if (partial != nullptr) {
    const auto blocks = unsigned(std::min<int64_t>((count + 255) / 256, 65535));
    gptq_marlin_gemm_add_kernel<T><<<blocks, 256, 0, stream>>>(problem, partial, plan.split);
  }
  return Status::from(cudaGetLastError());
}

template <MarlinMeeting kMeeting, typename T, int kTokens, bool kZeros>
Status launch(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
              const Workspace& workspace, cudaStream_t stream) {
  if constexpr (kMeeting == MarlinMeeting::kCluster) {
    return in_clusters<T, kTokens, kZeros>(problem, plan, device, stream);
  } else {
    return with_workspace<T, kTokens, kZeros>(problem, plan, device, workspace, stream);
  }
}

template <MarlinMeeting kMeeting, typename T, bool kZeros>
Status for_tokens(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                  const Workspace& workspace, cudaStream_t stream) {
  switch (plan.block.tokens) {
    case 8:
      return launch<kMeeting, T, 8, kZeros>(problem, plan, device, workspace, stream);
    case 16:
      return launch<kMeeting, T, 16, kZeros>(problem, plan, device, workspace, stream);
    default:
      return launch<kMeeting, T, 32, kZeros>(problem, plan, device, workspace, stream);
  }
}

template <MarlinMeeting kMeeting>
Status run(const MarlinGemmProblem& problem, const Device& device, const Workspace& workspace, cudaStream_t stream) {
  const MarlinGemmPlan plan = plan_marlin_gemm(problem.m, problem.n, problem.k, device.sm_count);
  if (plan.m_blocks > 65535) return Status::refused("a has more tokens than a grid has rows of blocks: 2,097,120");
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    return problem.zeros != nullptr ? for_tokens<kMeeting, T, true>(problem, plan, device, workspace, stream)
                                    : for_tokens<kMeeting, T, false>(problem, plan, device, workspace, stream);
  });
}

}  // namespace warpwright::marlin_launch
