// What the operators that quantise to 8 bits share: checks of outputs and scales, in the words of
// python/warpwright/quantization/_quantize.py and _group_scales.py, and the problems that they make. An operator checks
// its tensors (check_quantized), its scales (one of three), returns where there is nothing to write, and then its memory
// (quantized_rows), which gives it a problem; after its launch scope it fills in `out` and `scales`.
#pragma once

#include <initializer_list>

#include "torch/arg.h"
#include "warpwright/rows/row_problem.h"

namespace warpwright::torch_api {

constexpr std::initializer_list<ScalarType> kQuantizedTypes = {ScalarType::Float8_e4m3fn, ScalarType::Char};

// Devices, dtypes, shapes and inner strides: `out` has the shape of `input`, whose rows are twice as long where `gated`.
void check_quantized(const Arg& input, const Arg& out, const Arg& scales,
                     std::initializer_list<ScalarType> out_types = kQuantizedTypes, bool gated = false);

// One of these: one scale for the tensor, for each row of `out`, or for each `group` of elements of a row. Packed scales
// are int32 words of four exponents.
void check_tensor_scale(const Arg& scale);
void check_row_scales(const Arg& scales, const Arg& out);
void check_group_scales(const Arg& scales, const Arg& out, int64_t group, bool power_of_two = false);

// The rows of `out` and `input`, which have no byte in common with each other or with `scales`, and what they are
// quantised to. With ScaleOf::kTensor, scales are read and may lie in the input. The caller sets `out` and, but for
// ScaleOf::kTensor, `quantization.scales`.
RowProblem quantized_rows(const Arg& input, const Arg& out, const Arg& scales, ScaleOf scale_of, int64_t group = 0);

// Makes the rows of a problem, whose output has three dimensions, those of experts; and how many of them there may be.
void set_experts(RowProblem& problem, const Arg& scales);
constexpr int64_t kMostExpertRows = 2147483647;

}  // namespace warpwright::torch_api
