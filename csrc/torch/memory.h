// Where an argument lies in memory: its rows, and whether what is written shares bytes with what is read.
// python/warpwright/rows.py has the same in the same words.
#pragma once

#include <cstdint>

#include "torch/arg.h"

namespace warpwright::torch_api {

// Elements from row to row of a tensor whose last dimension is a row; its other dimensions have to collapse into one.
int64_t row_stride(const Arg& arg);

// The same of a tensor that is written: its rows do not overlap.
int64_t out_row_stride(const Arg& out);

// Memory as rows of bytes at one distance.
struct Rows {
  int64_t start = 0, rows = 1, stride = 0, bytes = 0;
};

// The memory of a tensor whose row_stride is known.
Rows rows_of(const Arg& arg, int64_t row_stride);

// The memory from a tensor's first element to its last, as one row.
Rows span_of(const Arg& arg);

// True where both are the same bytes in the same order.
bool is_same(const Rows& one, const Rows& other);

// True where a byte belongs to both.
bool meet(const Rows& one, const Rows& other);

// The output has no byte in common with an input.
void check_apart(const Arg& out, const Rows& out_rows, const Arg& input, const Rows& input_rows);

}  // namespace warpwright::torch_api
