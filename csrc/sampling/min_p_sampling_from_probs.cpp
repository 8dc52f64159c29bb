#include "warpwright/paths/min_p_sampling_from_probs.h"

#include "sampling/draw.h"
#include "torch/operator.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DrawLaunch> kPaths[] = {WARPWRIGHT_PATHS_min_p_sampling_from_probs};

Draws min_p_sampling_from_probs(const Tensor& probs, const std::optional<Tensor>& indices,
                                const std::optional<Tensor>& min_p, double min_p_all, int64_t seed, int64_t offset,
                                const std::optional<Tensor>& seeds, const std::optional<Tensor>& offsets) {
  FilterArguments filter{Filter::kMinP, kAllClasses, kAllMass, {&min_p, min_p_all}};
  return draw_from_probs("min_p_sampling_from_probs", kPaths, probs, indices, filter, {seed, offset, seeds, offsets});
}

}  // namespace

WARPWRIGHT_OPERATOR(min_p_sampling_from_probs,
                    "(Tensor probs, Tensor? indices, Tensor? min_p, float min_p_all, int seed, int offset, Tensor? seeds, "
    "Tensor? offsets) -> (Tensor samples, Tensor valid)");

}  // namespace warpwright::torch_api
