// Launch function of sampling_from_logits and of all that draw from logits: the same code on every SM.

#include "warpwright/sampling/launch_draw.cuh"

namespace warpwright {

Status sampling_from_logits(const DrawProblem& problem, cudaStream_t stream) {
  return with_float_type(problem.dtype, [&](auto element) {
    using T = decltype(element);
    return problem.filter == Filter::kNone ? launch_draw<Logits, T, Filter::kNone>(problem, stream)
                                           : launch_draw<Logits, T, Filter::kTopKTopP>(problem, stream);
  });
}

}  // namespace warpwright
