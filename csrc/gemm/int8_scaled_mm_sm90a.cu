// int8_scaled_mm for sm_90a: CUTLASS 3.x, TMA and wgmma.
#include "scaled_mm_cutlass3.cuh"

namespace warpwright {

template <typename Out>
static Status launch_for(const ScaledMmProblem& problem, const Device& device, const Workspace& workspace,
                         cudaStream_t stream) {
  using Tile = cutlass3::Tile<128, 128, 128, 2, 1, cutlass3::Pingpong>;
  return cutlass3::ScaledMm<int8_t, int32_t, Tile, Out>::launch(problem, device, workspace, stream);
}

Status int8_scaled_mm_sm90a(const ScaledMmProblem& problem, const Device& device, const Workspace& workspace,
                            cudaStream_t stream) {
  if (problem.out_dtype == Dtype::kFloat16) return launch_for<cutlass::half_t>(problem, device, workspace, stream);
  if (problem.out_dtype == Dtype::kBFloat16) return launch_for<cutlass::bfloat16_t>(problem, device, workspace, stream);
  return Status::refused("out_dtype must be float16 or bfloat16");
}

}  // namespace warpwright
