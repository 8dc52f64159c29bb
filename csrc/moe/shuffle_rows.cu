// Launch function of shuffle_rows: the same code on every SM.

#include "warpwright/launch_kernel.cuh"
#include "warpwright/moe/shuffle_rows.cuh"

namespace warpwright {

namespace row_shuffle {

constexpr int64_t kHeldFrom = 1 << 18;  // units: two waves of threads of a large GPU

template <typename Unit, int kHeld>
Status with_units_of(const ShuffleRowsProblem& p, cudaStream_t stream) {
  const int64_t units = p.row_bytes / int64_t{sizeof(Unit)};
  const int threads = p.out_rows * units < kHeldFrom / 8 ? 64 : kShuffleThreads;
  const int64_t block = threads * kHeld;
  LaunchShape shape{blocks_in_turns((p.out_rows * units + block - 1) / block), threads};
  shape.dependent = p.dependent;
  return launch_kernel<shuffle_rows_kernel<Unit, kHeld>>(shape, stream, ShuffleRowsWork{p, Divider(units)});
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
