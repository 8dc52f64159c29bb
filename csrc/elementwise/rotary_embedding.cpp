#include "elementwise/rope.h"
#include "torch/operator.h"
#include "warpwright/paths/rotary_embedding.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RopeLaunch> kPaths[] = {WARPWRIGHT_PATHS_rotary_embedding};

void rotary_embedding(const Tensor& positions, const Tensor& query, const std::optional<Tensor>& key, int64_t head_size,
                      const Tensor& cos_sin_cache, bool is_neox) {
  const CachedRopeArguments arguments{{positions, "positions"}, {query, "query"}, optional_arg(key, "key"), head_size,
                                      {cos_sin_cache, "cos_sin_cache"}, is_neox};
  const RopeProblem problem = check_cached_rope(arguments, true, true);
  launch_rope_in_place("rotary_embedding", kPaths, arguments.query, arguments.key ? &*arguments.key : nullptr, problem);
}

}  // namespace

WARPWRIGHT_OPERATOR(rotary_embedding,
                    "(Tensor positions, Tensor(a!) query, Tensor(b!)? key, int head_size, Tensor cos_sin_cache, "
                    "bool is_neox=True) -> ()");

}  // namespace warpwright::torch_api
