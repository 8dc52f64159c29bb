#include "warpwright/paths/top_k_renorm_probs.h"

#include "sampling/renorm.h"
#include "torch/operator.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RenormLaunch> kPaths[] = {WARPWRIGHT_PATHS_top_k_renorm_probs};

Tensor top_k_renorm_probs(const Tensor& probs, const std::optional<Tensor>& top_k, int64_t top_k_all) {
  return keep_largest("top_k_renorm_probs", kPaths, {probs, "probs"}, "the columns of probs", {&top_k, top_k_all},
                      kAllMass);
}

}  // namespace

WARPWRIGHT_OPERATOR(top_k_renorm_probs, "(Tensor probs, Tensor? top_k, int top_k_all) -> Tensor");

}  // namespace warpwright::torch_api
