// Launch function of shuffle_rows: the same code on every SM.

#include <algorithm>

#include "warpwright/launch_kernel.cuh"
#include "warpwright/moe/shuffle_rows.cuh"

namespace warpwright {

namespace row_shuffle {

constexpr int64_t kHeldFrom = 1 << 18;    // units: two waves of threads of a large GPU
constexpr int64_t kSliceBytes = 1 << 23;  // of the input: an H100 is fastest with slices of about this size
constexpr int64_t kLineUnits = 128 / sizeof(uint4), kLeastWidth = 4 * kLineUnits;

// Units of a slice. Where rows are read more than once, slices of all of them are read that a large L2 cache keeps, but
// of no fewer than four cache lines of a row.
int64_t slice_width(const ShuffleRowsProblem& p, int64_t units) {
  if (p.out_rows <= p.input_rows) return units;
  int64_t slices = 1;
  while (slices * kSliceBytes < p.input_rows * p.row_bytes) slices *= 2;
  const int64_t lines = (units + slices * kLineUnits - 1) / (slices * kLineUnits);
  return std::min(units, std::max(lines * kLineUnits, kLeastWidth));
}

template <typename Unit, int kHeld>
Status with_units_of(const ShuffleRowsProblem& p, cudaStream_t stream) {
  const int64_t units = p.row_bytes / int64_t{sizeof(Unit)}, width = kHeld > 1 ? slice_width(p, units) : units;
  const int threads = p.out_rows * units < kHeldFrom / 8 ? 64 : kShuffleThreads;
  const int64_t block = threads * kHeld;
  LaunchShape shape{blocks_in_turns((p.out_rows * width + block - 1) / block), threads};
  shape.grid.y = (units + width - 1) / width;
  shape.dependent = p.dependent;
  return launch_kernel<shuffle_rows_kernel<Unit, kHeld>>(shape, stream, ShuffleRowsWork{p, Divider(width)});
}

}  // namespace row_shuffle

Status shuffle_rows(const ShuffleRowsProblem& p, cudaStream_t stream) {
  using namespace row_shuffle;
  const int64_t bits = int64_t(reinterpret_cast<uintptr_t>(p.input)) | int64_t(reinterpret_cast<uintptr_t>(p.out)) |
                       p.input_stride | p.row_bytes;
  if (bits % 16 == 0) {
    const bool is_large = p.out_rows * (p.row_bytes / 16) >= kHeldFrom;
    return is_large ? with_units_of<uint4, kShuffleHeld>(p, stream) : with_units_of<uint4, 1>(p, stream);
  }
  if (bits % 4 == 0) return with_units_of<uint32_t, 1>(p, stream);
  return bits % 2 == 0 ? with_units_of<uint16_t, 1>(p, stream) : with_units_of<uint8_t, 1>(p, stream);
}

}  // namespace warpwright
