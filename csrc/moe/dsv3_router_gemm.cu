// Launch function of dsv3_router_gemm: tensor cores from SM 8.0 on, and clusters of blocks on SM 9.0.

#include "warpwright/launch_kernel.cuh"
#include "warpwright/moe/router_gemm.cuh"
#include "warpwright/moe/router_gemm_mma.cuh"

namespace warpwright {

namespace router_gemm {

template <auto kKernel>
Status run(const RouterGemmPlan& plan, const RouterGemmProblem& p, cudaStream_t stream) {
  LaunchShape shape{{plan.x, plan.y}, kRouterThreads};
  shape.cluster = plan.cluster;
  shape.dependent = p.dependent;
  return launch_kernel<kKernel>(shape, stream, p);
}

template <typename T>
Status on_tensor_cores(const RouterGemmPlan& plan, const RouterGemmProblem& p, cudaStream_t stream) {
  if (plan.cluster == 0) {
    return plan.tokens == 16 ? run<router_tile_kernel<T, 1, 1, 1>>(plan, p, stream)
                             : run<router_tile_kernel<T, 1, 2, 2>>(plan, p, stream);
  }
  if (plan.tokens == 16) return run<router_tile_kernel<T, kRouterCluster, 1, 2>>(plan, p, stream);
  return plan.tokens == 32 ? run<router_tile_kernel<T, kRouterCluster, 2, 2>>(plan, p, stream)
                           : run<router_tile_kernel<T, kRouterCluster, 4, 2>>(plan, p, stream);
}

template <typename T>
Status with_type(const RouterGemmProblem& p, cudaStream_t stream) {
  const bool in_vectors = takes_vectors<T>(p.hidden_states, p.token_stride, p.hidden) &&
                          takes_vectors<T>(p.weights, p.expert_stride, p.hidden);
  const RouterGemmPlan plan = plan_router_gemm(p.tokens, p.experts, in_vectors, p.path);
  if (plan.on_tensor_cores) return on_tensor_cores<T>(plan, p, stream);
  if (plan.size == 1) return run<router_gemm_kernel<T, 1, 8>>(plan, p, stream);
  if (plan.tokens == 1) return run<router_gemm_kernel<T, 8, 1>>(plan, p, stream);
  if (plan.tokens == 2) return run<router_gemm_kernel<T, 8, 2>>(plan, p, stream);
  return plan.tokens == 4 ? run<router_gemm_kernel<T, 8, 4>>(plan, p, stream)
                          : run<router_gemm_kernel<T, 8, 8>>(plan, p, stream);
}

}  // namespace router_gemm

Status dsv3_router_gemm(const RouterGemmProblem& p, cudaStream_t stream) {
  return with_float16_type(p.dtype, [&](auto element) { return router_gemm::with_type<decltype(element)>(p, stream); });
}

}  // namespace warpwright
