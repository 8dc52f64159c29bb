#include "warpwright/paths/top_p_renorm_probs.h"

#include "sampling/renorm.h"
#include "torch/operator.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RenormLaunch> kPaths[] = {WARPWRIGHT_PATHS_top_p_renorm_probs};

Tensor top_p_renorm_probs(const Tensor& probs, const std::optional<Tensor>& top_p, double top_p_all) {
  return keep_largest("top_p_renorm_probs", kPaths, {probs, "probs"}, "the columns of probs", kAllClasses,
                      {&top_p, top_p_all});
}

}  // namespace

WARPWRIGHT_OPERATOR(top_p_renorm_probs, "(Tensor probs, Tensor? top_p, float top_p_all) -> Tensor");

}  // namespace warpwright::torch_api
