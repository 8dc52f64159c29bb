#include "torch/memory.h"

#include "torch/fail.h"

namespace warpwright::torch_api {

int64_t row_stride(const Arg& arg) {
  const int64_t dim = arg.dim();
  if (dim == 1) return arg.size(0);
  int64_t rows = arg.size(dim - 2);
  int64_t stride = arg.stride(dim - 2);
  for (int64_t outer = dim - 3; outer >= 0; --outer) {
    const int64_t size = arg.size(outer);
    if (rows <= 1) stride = arg.stride(outer);
    WARPWRIGHT_CHECK(size <= 1 || rows <= 1 || arg.stride(outer) == rows * stride, arg.name, " has strides ",
                     strides_of(arg), " for shape ", shape_of(arg),
                     ", expected rows at one distance from each other: call .contiguous() on it");
    rows *= size;
  }
  return stride;
}

int64_t out_row_stride(const Arg& out) {
  const int64_t stride = row_stride(out), dim = out.dim(), row = out.size(dim - 1);
  WARPWRIGHT_CHECK(stride >= row || out.numel() <= row, out.name, " has strides ", strides_of(out), " for shape ",
                   shape_of(out), ", expected rows that do not overlap: at least ", row, " elements apart");
  return stride;
}

Rows rows_of(const Arg& arg, int64_t row_stride) {
  const int64_t bytes = arg.element_bytes(), numel = arg.numel();
  if (numel == 0) return {int64_t(arg.address()), 0, 0, 0};
  const int64_t row = arg.dim() == 0 ? 1 : arg.size(arg.dim() - 1);
  return {int64_t(arg.address()), numel / row, row_stride * bytes, row * bytes};
}

Rows span_of(const Arg& arg) {
  int64_t last = 0;
  if (arg.numel() == 0) return {int64_t(arg.address()), 0, 0, 0};
  for (int64_t dim = 0; dim < arg.dim(); ++dim) last += (arg.size(dim) - 1) * arg.stride(dim);
  return {int64_t(arg.address()), 1, 0, (last + 1) * arg.element_bytes()};
}

bool is_same(const Rows& one, const Rows& other) {
  return one.start == other.start && one.rows == other.rows && one.bytes == other.bytes &&
         (one.rows <= 1 || one.stride == other.stride);
}

namespace {

// Rows of one distance, such as two slices of a wider tensor: apart where they are apart within that distance.
bool are_beside(const Rows& one, const Rows& other) {
  if (one.stride != other.stride || one.stride <= 0) return false;
  const int64_t from = ((other.start - one.start) % one.stride + one.stride) % one.stride;
  return from >= one.bytes && from + other.bytes <= one.stride;
}

}  // namespace

bool meet(const Rows& one, const Rows& other) {
  const auto end_of = [](const Rows& rows) { return rows.start + (rows.rows - 1) * rows.stride + rows.bytes; };
  if (one.rows == 0 || other.rows == 0 || end_of(one) <= other.start || end_of(other) <= one.start) return false;
  if (are_beside(one, other)) return false;
  if (one.rows > other.rows) return meet(other, one);
  for (int64_t row = 0; row < one.rows; ++row) {
    const int64_t begin = one.start + row * one.stride, end = begin + one.bytes;
    // The first row of the other that ends behind `begin`; it meets this one if it starts before `end`.
    const int64_t past = begin - (other.start + other.bytes);
    const int64_t first = past < 0 ? 0 : other.stride == 0 ? other.rows : past / other.stride + 1;
    if (first < other.rows && other.start + first * other.stride < end) return true;
  }
  return false;
}

void check_apart(const Arg& out, const Rows& out_rows, const Arg& input, const Rows& input_rows) {
  WARPWRIGHT_CHECK(!meet(out_rows, input_rows), out.name, " overlaps ", input.name,
                   " in memory, expected memory of its own: clone one of them");
}

}  // namespace warpwright::torch_api
