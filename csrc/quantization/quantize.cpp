#include "quantization/quantize.h"

#include "torch/checks.h"
#include "torch/memory.h"

namespace warpwright::torch_api {

namespace {

int64_t rows_in(const Arg& arg) {
  int64_t rows = 1;
  for (int64_t dim = 0; dim + 1 < arg.dim(); ++dim) rows *= arg.size(dim);
  return rows;
}

void check_halves(const Arg& out, const Arg& input) {
  const int64_t last = input.dim() - 1;
  check_multiple("the last dimension of input", input.size(last), 2);
  check_dim(out, input.dim());
  for (int64_t dim = 0; dim < last; ++dim) check_size(out, dim, input.size(dim), "that of input");
  check_size(out, last, input.size(last) / 2, "half of the last dimension of input");
}

// Scales of groups as a table of `rows`, or as such tables, one for each expert.
struct Table {
  int64_t rows = 1, groups = 1, row_stride = 0, group_stride = 0;
  int64_t experts = 1, expert_stride = 0;
};

// Three dimensions that collapse into two are two.
Table table_of(const Arg& scales) {
  const int64_t dim = scales.dim(), last = dim - 1;
  Table table;
  table.groups = scales.size(last);
  table.group_stride = scales.stride(last);
  table.rows = rows_in(scales);
  if (dim == 1) return table;
  table.row_stride = dim == 3 ? scales.stride(1) : row_stride(scales);
  if (dim != 3) return table;
  if (scales.size(1) <= 1) table.row_stride = scales.stride(0);
  if (scales.size(0) <= 1 || scales.size(1) <= 1 || scales.stride(0) == scales.size(1) * scales.stride(1)) return table;
  table.experts = scales.size(0);
  table.rows = scales.size(1);
  table.expert_stride = scales.stride(0);
  return table;
}

bool is_apart(const Table& t) {
  const bool by_row = (t.groups <= 1 || t.group_stride >= 1) &&
                      (t.rows <= 1 || t.row_stride >= (t.groups - 1) * t.group_stride + 1);
  const bool by_group = (t.rows <= 1 || t.row_stride >= 1) &&
                        (t.groups <= 1 || t.group_stride >= (t.rows - 1) * t.row_stride + 1);
  const int64_t size = (t.rows - 1) * t.row_stride + (t.groups - 1) * t.group_stride + 1;
  return (by_row || by_group) && (t.experts <= 1 || t.expert_stride >= size);
}

// To which bounds an output is held, where its caller names none.
void set_bounds(Quantization& to) {
  const bool is_int = to.dtype == Dtype::kInt8;
  to.hold_between(is_int ? -128.f : -448.f, is_int ? 127.f : 448.f);
}

void set_strides(RowProblem& problem, const Arg& scales, ScaleOf scale_of, int64_t group) {
  Quantization& to = problem.quantization;
  to.scale_row_stride = 1;
  if (scale_of != ScaleOf::kGroup) return;
  const Table table = table_of(scales);
  to.group = group;
  to.groups = problem.hidden / group;
  to.packed = scales.dtype_number() == number_of(ScalarType::Int);
  to.scale_row_stride = table.row_stride;
  to.scale_group_stride = table.group_stride;
  if (table.experts > 1) set_experts(problem, scales);
}

}  // namespace

void check_quantized(const Arg& input, const Arg& out, const Arg& scales, std::initializer_list<ScalarType> out_types,
                     bool gated) {
  check_same_device(out, input);
  check_same_device(scales, input);
  check_min_dim(input, 1);
  check_dtype(input, {ScalarType::Half, ScalarType::BFloat16, ScalarType::Float});
  check_dtype(out, out_types);
  if (gated) {
    check_halves(out, input);
  } else {
    check_same_shape(out, input);
  }
  check_inner_stride(input);
  check_inner_stride(out);
}

void check_tensor_scale(const Arg& scale) {
  check_dtype(scale, {ScalarType::Float});
  check_numel(scale, 1, "one scale for the tensor");
}

void check_row_scales(const Arg& scales, const Arg& out) {
  check_dtype(scales, {ScalarType::Float});
  check_numel(scales, rows_in(out), "one scale for each row");
  check_contiguous(scales);
}

void check_group_scales(const Arg& scales, const Arg& out, int64_t group, bool power_of_two) {
  if (power_of_two) {
    check_dtype(scales, {ScalarType::Float, ScalarType::Int});
  } else {
    check_dtype(scales, {ScalarType::Float});
  }
  const int64_t last = out.dim() - 1;
  WARPWRIGHT_CHECK(group >= 1, "group_size is ", group, ", expected at least 1");
  WARPWRIGHT_CHECK(out.size(last) % group == 0, "group_size is ", group, ", expected a divisor of ", out.size(last),
                   ", the last dimension of ", out.name);
  check_dim(scales, out.dim());
  for (int64_t dim = 0; dim < last; ++dim) check_size(scales, dim, out.size(dim), "one row for each row of groups");
  const int64_t groups = out.size(last) / group;
  if (scales.dtype_number() == number_of(ScalarType::Int)) {
    check_size(scales, last, (groups + 3) / 4, "one word for four groups");
  } else {
    check_size(scales, last, groups, "one scale for each group");
  }
  WARPWRIGHT_CHECK(scales.numel() == 0 || is_apart(table_of(scales)), scales.name, " has strides ", strides_of(scales),
                   " for shape ", shape_of(scales), ", expected elements that do not overlap");
}

RowProblem quantized_rows(const Arg& input, const Arg& out, const Arg& scales, ScaleOf scale_of, int64_t group) {
  RowProblem problem;
  problem.out_stride = out_row_stride(out);
  problem.input_stride = row_stride(input);
  const Rows out_rows = rows_of(out, problem.out_stride), input_rows = rows_of(input, problem.input_stride);
  check_apart(out, out_rows, input, input_rows);
  check_apart(out, out_rows, scales, span_of(scales));
  if (scale_of != ScaleOf::kTensor) check_apart(scales, span_of(scales), input, input_rows);
  problem.hidden = out.size(out.dim() - 1);
  problem.rows = rows_in(out);
  problem.input = input.data();
  problem.gated = input.size(input.dim() - 1) != problem.hidden;
  problem.dtype = to_dtype(input.dtype_number());
  problem.quantization.dtype = to_dtype(out.dtype_number());
  problem.quantization.scale_of = scale_of;
  if (scale_of == ScaleOf::kTensor) problem.quantization.scales = const_cast<void*>(scales.data());
  set_bounds(problem.quantization);
  set_strides(problem, scales, scale_of, group);
  return problem;
}

void set_experts(RowProblem& problem, const Arg& scales) {
  problem.expert_rows = scales.size(1);
  problem.quantization.scale_expert_stride = scales.stride(0);
  problem.quantization.scale_row_stride = scales.stride(1);
}

}  // namespace warpwright::torch_api
