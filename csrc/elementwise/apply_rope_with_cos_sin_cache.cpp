#include "elementwise/rope.h"
#include "torch/operator.h"
#include "warpwright/paths/apply_rope_with_cos_sin_cache.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RopeLaunch> kPaths[] = {WARPWRIGHT_PATHS_apply_rope_with_cos_sin_cache};

std::tuple<Tensor, Tensor> apply_rope_with_cos_sin_cache(const Tensor& positions, const Tensor& query,
                                                         const Tensor& key, int64_t head_size,
                                                         const Tensor& cos_sin_cache, bool is_neox) {
  const CachedRopeArguments arguments{{positions, "positions"}, {query, "query"}, Arg{key, "key"}, head_size,
                                      {cos_sin_cache, "cos_sin_cache"}, is_neox};
  const RopeProblem problem = check_cached_rope(arguments, false, false);
  return launch_rope("apply_rope_with_cos_sin_cache", kPaths, arguments.query, *arguments.key, problem);
}

}  // namespace

WARPWRIGHT_OPERATOR(apply_rope_with_cos_sin_cache,
                    "(Tensor positions, Tensor query, Tensor key, int head_size, Tensor cos_sin_cache, "
                    "bool is_neox=True) -> (Tensor, Tensor)");

}  // namespace warpwright::torch_api
