// Launch function of segment_packbits and packbits: the same code on every SM.

#include <algorithm>

#include "warpwright/launch_kernel.cuh"
#include "warpwright/speculative/pack_bits.cuh"

namespace warpwright {

namespace segment_packbits_launch {

// Along y, the blocks of one segment: enough for the whole array where there is one, and for a segment of the mean size,
// since only the device knows the sizes; but no more than keep a large GPU busy.
constexpr int64_t kMostBlocks = 8192;

Grid grid_of(const PackBitsProblem& p) {
  const Grid along = blocks_in_turns(p.segments);
  const int64_t bytes_of_one = (p.x_size / p.segments + 7) / 8;
  const int64_t wanted = (bytes_of_one + kPackThreads - 1) / kPackThreads;
  return {along.x, std::max<int64_t>(1, std::min(wanted, kMostBlocks / std::min(along.x, kMostBlocks)))};
}

}  // namespace segment_packbits_launch

Status segment_packbits(const PackBitsProblem& p, cudaStream_t stream) {
  LaunchShape shape{segment_packbits_launch::grid_of(p), kPackThreads};
  shape.dependent = p.dependent;
  return launch_kernel<pack_bits_kernel>(shape, stream, p);
}

}  // namespace warpwright
