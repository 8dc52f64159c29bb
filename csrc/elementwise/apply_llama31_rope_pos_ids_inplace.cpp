#include "elementwise/rope.h"
#include "torch/operator.h"
#include "warpwright/paths/apply_llama31_rope_pos_ids_inplace.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RopeLaunch> kPaths[] = {WARPWRIGHT_PATHS_apply_llama31_rope_pos_ids_inplace};

void apply_llama31_rope_pos_ids_inplace(const Tensor& q, const Tensor& k, const Tensor& pos_ids,
                                        std::optional<int64_t> rotary_dim, bool interleave, double rope_scale,
                                        double rope_theta, double low_freq_factor, double high_freq_factor,
                                        double old_context_len) {
  const Arg q_arg{q, "q"}, k_arg{k, "k"};
  const RopePositions positions{Arg{pos_ids, "pos_ids"}, {}, {}};
  const Llama31Numbers llama31{low_freq_factor, high_freq_factor, old_context_len};
  const RopeNumbers numbers{rotary_dim, interleave, rope_scale, rope_theta};
  const RopeProblem problem = check_rope(q_arg, k_arg, positions, numbers, &llama31, true);
  launch_rope_in_place("apply_llama31_rope_pos_ids_inplace", kPaths, q_arg, &k_arg, problem);
}

}  // namespace

WARPWRIGHT_OPERATOR(apply_llama31_rope_pos_ids_inplace,
                    "(Tensor! q, Tensor! k, Tensor pos_ids, int? rotary_dim=None, bool interleave=False, "
                    "float rope_scale=8.0, float rope_theta=500000.0, float low_freq_factor=1.0, "
                    "float high_freq_factor=4.0, float old_context_len=8192.0) -> ()");

}  // namespace warpwright::torch_api
