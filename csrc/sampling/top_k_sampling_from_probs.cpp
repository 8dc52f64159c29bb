#include "warpwright/paths/top_k_sampling_from_probs.h"

#include "sampling/draw.h"
#include "torch/operator.h"

namespace warpwright::torch_api {

namespace {

constexpr SmPath<DrawLaunch> kPaths[] = {WARPWRIGHT_PATHS_top_k_sampling_from_probs};

Draws top_k_sampling_from_probs(const Tensor& probs, const std::optional<Tensor>& indices,
                                const std::optional<Tensor>& top_k, int64_t top_k_all, int64_t seed, int64_t offset,
                                const std::optional<Tensor>& seeds, const std::optional<Tensor>& offsets) {
  FilterArguments filter{Filter::kTopKTopP, {&top_k, top_k_all}};
  return draw_from_probs("top_k_sampling_from_probs", kPaths, probs, indices, filter, {seed, offset, seeds, offsets});
}

}  // namespace

WARPWRIGHT_OPERATOR(top_k_sampling_from_probs,
                    "(Tensor probs, Tensor? indices, Tensor? top_k, int top_k_all, int seed, int offset, Tensor? seeds, "
    "Tensor? offsets) -> (Tensor samples, Tensor valid)");

}  // namespace warpwright::torch_api
