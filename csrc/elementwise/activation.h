// What the activations share: their checks, which make a problem.
#pragma once

#include "torch/arg.h"
#include "warpwright/elementwise/activation.h"

namespace warpwright::torch_api {

// An activation that gates one half of `input` by the other. A problem without rows where there is nothing to write;
// `out` is left to the caller.
ActivationProblem check_gated_activation(const Arg& out, const Arg& input);

// One that has an output for each input.
ActivationProblem check_plain_activation(const Arg& out, const Arg& input);

}  // namespace warpwright::torch_api
