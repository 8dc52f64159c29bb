#include "warpwright/paths/sampling_from_logits.h"

#include "sampling/draw.h"
#include "torch/operator.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DrawLaunch> kPaths[] = {WARPWRIGHT_PATHS_sampling_from_logits};

Draws sampling_from_logits(const Tensor& logits, const std::optional<Tensor>& indices, int64_t seed, int64_t offset,
                           const std::optional<Tensor>& seeds, const std::optional<Tensor>& offsets) {
  return draw_from_logits("sampling_from_logits", kPaths, logits, indices, {}, {seed, offset, seeds, offsets});
}

}  // namespace

WARPWRIGHT_OPERATOR(sampling_from_logits,
                    "(Tensor logits, Tensor? indices, int seed, int offset, Tensor? seeds, "
                    "Tensor? offsets) -> (Tensor samples, Tensor valid)");

}  // namespace warpwright::torch_api
