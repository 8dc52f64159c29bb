// From a plan to a launch of the weight-only product.
#pragma once

#include <algorithm>

#include "warpwright/elementwise/vector.cuh"
#include "warpwright/gemm/gptq_marlin_gemm.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::marlin_launch {

// All blocks stand along x, the only dimension that no number of tokens or columns leaves.
inline Grid grid_of(const MarlinGemmPlan& plan) { return {plan.n_blocks * plan.m_blocks * plan.split}; }

template <typename T, int kTokens, bool kZeros>
Status in_clusters(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                   cudaStream_t stream) {
  constexpr auto kKernel = gptq_marlin_gemm_kernel<T, kTokens, kZeros, MarlinMeeting::kCluster>;
  const LaunchShape shape{grid_of(plan), kMarlinThreads, plan.block.shared_bytes(), plan.split};
  return launch_kernel<kKernel>(device, shape, stream, problem, plan.steps, plan.split, static_cast<float*>(nullptr));
}

template <typename T, int kTokens, bool kZeros>
Status with_workspace(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                      const Workspace& workspace, cudaStream_t stream) {
  constexpr auto kKernel = gptq_marlin_gemm_kernel<T, kTokens, kZeros, MarlinMeeting::kWorkspace>;
  const LaunchShape shape{grid_of(plan), kMarlinThreads, plan.block.shared_bytes()};
  const int64_t count = problem.m * problem.n;
  float* partial = plan.split == 1 ? nullptr : static_cast<float*>(workspace(plan.split * count * sizeof(float)));
  const Status status = launch_kernel<kKernel>(device, shape, stream, problem, plan.steps, plan.split, partial);
  if (partial == nullptr || !status.ok()) return status;
  const LaunchShape adding{{std::min<int64_t>((count + 255) / 256, 65535)}, 256};
  return launch_kernel<gptq_marlin_gemm_add_kernel<T>>(adding, stream, problem, partial, plan.split);
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
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    return problem.zeros != nullptr ? for_tokens<kMeeting, T, true>(problem, plan, device, workspace, stream)
                                    : for_tokens<kMeeting, T, false>(problem, plan, device, workspace, stream);
  });
}

}  // namespace warpwright::marlin_launch
