// Launch function of sampling_from_probs and of all that draw from probabilities: the same code on every SM.

#include "warpwright/sampling/launch_draw.cuh"

namespace warpwright {

Status sampling_from_probs(const DrawProblem& problem, cudaStream_t stream) {
  switch (problem.filter) {
    case Filter::kNone:
      return launch_draw<Probabilities, float, Filter::kNone>(problem, stream);
    case Filter::kTopP:
      return launch_draw<Probabilities, float, Filter::kTopP>(problem, stream);
    case Filter::kMinP:
      return launch_draw<Probabilities, float, Filter::kMinP>(problem, stream);
    case Filter::kTopKTopP:
      return launch_draw<Probabilities, float, Filter::kTopKTopP>(problem, stream);
  }
  return Status::refused("no kernel has this filter");
}

}  // namespace warpwright
