// From a plan to a launch of the weight-only product.
#pragma once

#include <algorithm>

#include "warpwright/vector.cuh"
#include "warpwright/gemm/gptq_marlin_gemm.cuh"
#include "warpwright/gemm/tile_table.h"
#include "warpwright/launch_kernel.cuh"

namespace warpwright::marlin_launch {

// All CTAs stand along x, the only dimension that no number of rows or columns leaves.
inline Grid grid_of(const MarlinGemmPlan& plan) { return {plan.tiles_n * plan.tiles_m * plan.split_k}; }

template <typename T, int kBlockM, bool kZeros>
Status in_clusters(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                   cudaStream_t stream) {
  constexpr auto kKernel = gptq_marlin_gemm_kernel<T, kBlockM, kZeros, MarlinSplitK::kCluster>;
  const LaunchShape shape{grid_of(plan), kMarlinThreads, plan.shared_memory, plan.split_k};
  return launch_kernel<kKernel>(device, shape, stream, problem, plan.k_blocks, plan.split_k,
                                static_cast<float*>(nullptr));
}

template <typename T, int kBlockM, bool kZeros>
Status with_workspace(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
                      const Workspace& workspace, cudaStream_t stream) {
  constexpr auto kKernel = gptq_marlin_gemm_kernel<T, kBlockM, kZeros, MarlinSplitK::kWorkspace>;
  const LaunchShape shape{grid_of(plan), kMarlinThreads, plan.shared_memory};
  const int64_t count = problem.m * problem.n;
  float* partial = plan.split_k == 1 ? nullptr : static_cast<float*>(workspace(plan.split_k * count * sizeof(float)));
  const Status status = launch_kernel<kKernel>(device, shape, stream, problem, plan.k_blocks, plan.split_k, partial);
  if (partial == nullptr || !status.ok()) return status;
  const LaunchShape adding{{std::min<int64_t>((count + 255) / 256, 65535)}, 256};
  return launch_kernel<gptq_marlin_gemm_add_kernel<T>>(adding, stream, problem, partial, plan.split_k);
}

template <MarlinSplitK kSplitK, typename T, bool kZeros>
Status launch(const MarlinGemmProblem& problem, const MarlinGemmPlan& plan, const Device& device,
              const Workspace& workspace, cudaStream_t stream) {
  return with_tile<kMarlinTiles>(plan.tile, [&](auto index) {
    constexpr int kBlockM = kMarlinTiles[decltype(index)::value].block_m;
    if constexpr (kSplitK == MarlinSplitK::kCluster) {
      return in_clusters<T, kBlockM, kZeros>(problem, plan, device, stream);
    } else {
      return with_workspace<T, kBlockM, kZeros>(problem, plan, device, workspace, stream);
    }
  });
}

template <MarlinSplitK kSplitK>
Status run(const MarlinGemmProblem& problem, const Device& device, const Workspace& workspace, cudaStream_t stream) {
  const MarlinGemmPlan plan = plan_marlin_gemm(problem.m, problem.n, problem.k, device.sm_count);
  return with_float16_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    return problem.zeros != nullptr ? launch<kSplitK, T, true>(problem, plan, device, workspace, stream)
                                    : launch<kSplitK, T, false>(problem, plan, device, workspace, stream);
  });
}

}  // namespace warpwright::marlin_launch
