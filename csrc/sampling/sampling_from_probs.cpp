#include "warpwright/paths/sampling_from_probs.h"

#include "sampling/draw.h"
#include "torch/operator.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DrawLaunch> kPaths[] = {WARPWRIGHT_PATHS_sampling_from_probs};

Draws sampling_from_probs(const Tensor& probs, const std::optional<Tensor>& indices, int64_t seed, int64_t offset,
                          const std::optional<Tensor>& seeds, const std::optional<Tensor>& offsets) {
  return draw_from_probs("sampling_from_probs", kPaths, probs, indices, {}, {seed, offset, seeds, offsets});
}

}  // namespace

WARPWRIGHT_OPERATOR(sampling_from_probs,
                    "(Tensor probs, Tensor? indices, int seed, int offset, Tensor? seeds, "
                    "Tensor? offsets) -> (Tensor samples, Tensor valid)");

}  // namespace warpwright::torch_api
