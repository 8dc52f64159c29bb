#include "warpwright/paths/top_k_mask_logits.h"

#include "sampling/renorm.h"
#include "torch/operator.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<RenormLaunch> kPaths[] = {WARPWRIGHT_PATHS_top_k_mask_logits};

Tensor top_k_mask_logits(const Tensor& logits, const std::optional<Tensor>& top_k, int64_t top_k_all) {
  return keep_largest("top_k_mask_logits", kPaths, {logits, "logits"}, "the columns of logits", {&top_k, top_k_all},
                      kAllMass);
}

}  // namespace

WARPWRIGHT_OPERATOR(top_k_mask_logits, "(Tensor logits, Tensor? top_k, int top_k_all) -> Tensor");

}  // namespace warpwright::torch_api
