// How many blocks share a row, where thread block clusters let them.
// Without device code: the unit tests compile it with the host compiler.
#pragma once

#include <cstdint>

namespace warpwright {

constexpr int kMostBlocksOfRow = 8;  // the portable size of a cluster: CUDA C++ Programming Guide

// Whether the blocks of all rows run at once, one on an SM. Clusters of more than two do not fill a GPU, whose GPCs
// have not all as many SMs: on an H100, as many blocks as SMs took longer than half as many that each did twice as much.
constexpr bool run_at_once(int64_t rows, int blocks, int sms) { return rows * blocks <= (blocks > 2 ? sms / 2 : sms); }

// A power of two, not more than it takes for `wanted`. A row is shared where SMs would be left without one: where there
// are rows for all, what its blocks tell each other costs more than they save.
constexpr int blocks_of_row(int64_t rows, int64_t wanted, int most_blocks, int sms) {
  int blocks = 1;
  while (2 * blocks <= most_blocks && blocks < wanted && run_at_once(rows, 2 * blocks, sms)) blocks *= 2;
  return blocks;
}

}  // namespace warpwright
