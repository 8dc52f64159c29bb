#include "elementwise/rope.h"
#include "torch/operator.h"
#include "warpwright/paths/apply_rope_pos_ids.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RopeLaunch> kPaths[] = {WARPWRIGHT_PATHS_apply_rope_pos_ids};

std::tuple<Tensor, Tensor> apply_rope_pos_ids(const Tensor& q, const Tensor& k, const Tensor& pos_ids,
                                              std::optional<int64_t> rotary_dim, bool interleave, double rope_scale,
                                              double rope_theta) {
  const Arg q_arg{q, "q"}, k_arg{k, "k"};
  const RopePositions positions{Arg{pos_ids, "pos_ids"}, {}, {}};
  const RopeNumbers numbers{rotary_dim, interleave, rope_scale, rope_theta};
  const RopeProblem problem = check_rope(q_arg, k_arg, positions, numbers, nullptr, false);
  return launch_rope("apply_rope_pos_ids", kPaths, q_arg, k_arg, problem);
}

}  // namespace

WARPWRIGHT_OPERATOR(apply_rope_pos_ids,
                    "(Tensor q, Tensor k, Tensor pos_ids, int? rotary_dim=None, bool interleave=False, "
                    "float rope_scale=1.0, float rope_theta=10000.0) -> (Tensor, Tensor)");

}  // namespace warpwright::torch_api
