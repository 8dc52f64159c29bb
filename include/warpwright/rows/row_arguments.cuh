// What kernels of rows have in common: what they are given, and how a scale of a row is found.
#pragma once

#include "warpwright/rows/row_norm.cuh"
#include "warpwright/rows/row_sink.cuh"
#include "warpwright/rows/row_source.cuh"

namespace warpwright {

// What a kernel is given: what its policies need of a problem, and no more. Each launch reads its arguments from memory,
// and branches on what it is not asked for cost more: with a problem as a whole, and the code for experts and packed
// scales, the groups of few rows took 0.6 us longer on an H100.
template <typename Source, typename Norm, typename Sink, typename W>
struct RowArguments : Source::Arguments, Norm::template Arguments<W>, Sink::Arguments {
  int64_t rows, hidden;

  explicit RowArguments(const RowProblem& p)
      : Source::Arguments(p), Norm::template Arguments<W>(p), Sink::Arguments(p), rows(p.rows), hidden(p.hidden) {}
};

// The scale of the whole row, which its first thread writes. `largest` is this thread's.
__device__ __forceinline__ float factor_of_row(const RowSink::Arguments& to, const RowSink& out, RowReduce& reduce,
                                               bool is_there, float largest) {
  const float scale = scale_of(to.rule, reduce.over_row<Max>(largest));
  if (threadIdx.x == 0 && is_there) *out.scale = scale;
  return factor_of(scale);
}

}  // namespace warpwright
