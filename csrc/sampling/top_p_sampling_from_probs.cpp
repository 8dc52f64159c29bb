#include "warpwright/paths/top_p_sampling_from_probs.h"

#include "sampling/draw.h"
#include "torch/operator.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DrawLaunch> kPaths[] = {WARPWRIGHT_PATHS_top_p_sampling_from_probs};

Draws top_p_sampling_from_probs(const Tensor& probs, const std::optional<Tensor>& indices,
                                const std::optional<Tensor>& top_p, double top_p_all, int64_t seed, int64_t offset,
                                const std::optional<Tensor>& seeds, const std::optional<Tensor>& offsets) {
  FilterArguments filter{Filter::kTopP, kAllClasses, {&top_p, top_p_all}};
  return draw_from_probs("top_p_sampling_from_probs", kPaths, probs, indices, filter, {seed, offset, seeds, offsets});
}

}  // namespace

WARPWRIGHT_OPERATOR(top_p_sampling_from_probs,
                    "(Tensor probs, Tensor? indices, Tensor? top_p, float top_p_all, int seed, int offset, Tensor? seeds, "
    "Tensor? offsets) -> (Tensor samples, Tensor valid)");

}  // namespace warpwright::torch_api
