// Norms of rows: the launchers.
#pragma once

#include "warpwright/rows/row_problem.h"

namespace warpwright {

// out[r, :] = x / sqrt(mean(x^2) + eps) * (weight + weight_offset), where x is input[r, :], or its sum with
// residual[r, :], which takes the sum's place.
// Method: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019 (arXiv:1910.07467), sums in fp32.
RowLaunch rmsnorm;

// out[r, :] = (x - mean(x)) / sqrt(variance(x) + eps) * weight + bias.
// Method: Ba, Kiros and Hinton, "Layer Normalization", 2016 (arXiv:1607.06450), mean and variance in fp32.
RowLaunch layernorm;

}  // namespace warpwright
