// From a plan to a launch of the weight-only product.
#pragma once

#include <algorithm>

#include "warpwright/elementwise/vector.cuh"
#include "warpwright/gemm/gptq_marlin_gemm.cuh"

namespace warpwright::marlin_launch {

template <typename T, int kTiles, bool kGrouped>
Status in_clusters(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Workspace&,
                   cudaStream_t stream) {
  cudaLaunchAttribute attribute;
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {unsigned(plan.split), 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(unsigned(plan.n_blocks * plan.split), unsigned(plan.m_blocks));
  config.blockDim = dim3(kMarlinThreads);
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = 1;
  constexpr auto kKernel = gptq_marlin_gemm_kernel<T, kTiles, kGrouped, MarlinMeeting::kCluster>;
  return Status::from(cudaLaunchKernelEx(&config, kKernel, problem, plan.steps, static_cast<float*>(nullptr)));
}

template <typename T, int kTiles, bool kGrouped>
Status with_workspace(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Workspace& workspace,
                      cudaStream_t stream) {
  const dim3 grid(unsigned(plan.n_blocks * plan.split), unsigned(plan.m_blocks));
  const int64_t count = problem.m * problem.n;
  float* partial = plan.split == 1 ? nullptr : static_cast<float*>(workspace(plan.split * count * sizeof(float)));
  gptq_marlin_gemm_kernel<T, kTiles, kGrouped, MarlinMeeting::kWorkspace>
      <<<grid, kMarlinThreads, 0, stream>>>(problem, plan.steps, partial);
  if (partial != nullptr) {
    const auto blocks = unsigned(std::min<int64_t>((count + 255) / 256, 65535));
    gptq_marlin_gemm_add_kernel<T, kGrouped><<<blocks, 256, 0, stream>>>(problem, partial, plan.split);
  }
  return Status::from(cudaGetLastError());
}

template <MarlinMeeting kMeeting, typename T, int kTiles, bool kGrouped>
Status launch(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Workspace& workspace,
              cudaStream_t stream) {
  if constexpr (kMeeting == MarlinMeeting::kCluster) {
    return in_clusters<T, kTiles, kGrouped>(problem, plan, workspace, stream);
  } else {
    return with_workspace<T, kTiles, kGrouped>(problem, plan, workspace, stream);
  }
}

template <MarlinMeeting kMeeting, typename T, bool kGrouped>
Status for_tokens(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Workspace& workspace,
                  cudaStream_t stream) {
  switch (plan.m_tiles) {
    case 1:
      return launch<kMeeting, T, 1, kGrouped>(problem, plan, workspace, stream);
    case 2:
      return launch<kMeeting, T, 2, kGrouped>(problem, plan, workspace, stream);
    default:
      return launch<kMeeting, T, 3, kGrouped>(problem, plan, workspace, stream);
  }
}

template <MarlinMeeting kMeeting>
Status run(const MarlinGemmProblem& problem, const Device& device, const Workspace& workspace, cudaStream_t stream) {
  const MarlinGemmPlan plan = plan_marlin_gemm(problem.m, problem.n, problem.k, device.sm_count);
  if (plan.m_blocks > 65535) return Status::refused("a has more tokens than a grid has rows: 3,145,680");
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    return problem.groups > 1 ? for_tokens<kMeeting, T, true>(problem, plan, workspace, stream)
                              : for_tokens<kMeeting, T, false>(problem, plan, workspace, stream);
  });
}

}  // namespace warpwright::marlin_launch
