// Launch function of concat_mla_k and concat_mla_absorb_q: the same code on every SM.

#include "warpwright/elementwise/concat_mla.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright {

namespace concat_mla_launch {

constexpr int64_t kHeldFrom = 1 << 18;  // units: two waves of threads of a large GPU

// All bits in which a unit's bytes have to be 0, of all addresses and distances.
int64_t bits_of(const ConcatProblem& p) {
  int64_t bits = int64_t(reinterpret_cast<uintptr_t>(p.out)) | p.out_group_stride | p.out_row_stride;
  for (const ConcatPart& part : {p.a, p.b}) {
    if (part.bytes == 0) continue;
    bits |= int64_t(reinterpret_cast<uintptr_t>(part.start)) | part.group_stride | part.row_stride | part.bytes;
  }
  return bits;
}

template <typename Unit, int kHeld>
Status with_units_of(const ConcatProblem& p, cudaStream_t stream) {
  const int64_t units = (p.a.bytes + p.b.bytes) / int64_t{sizeof(Unit)};
  const ConcatWork work{p, p.groups * p.rows * units, Divider(units), Divider(p.rows)};
  const int threads = work.units < 2 * kHeldFrom / kConcatHeld ? 128 : kConcatThreads;
  const int64_t block = threads * kHeld;
  LaunchShape shape{blocks_in_turns((work.units + block - 1) / block), threads};
  shape.dependent = p.dependent;
  return launch_kernel<concat_mla_kernel<Unit, kHeld>>(shape, stream, work);
}

}  // namespace concat_mla_launch

Status concat_mla_k(const ConcatProblem& p, cudaStream_t stream) {
  using namespace concat_mla_launch;
  const int64_t bits = bits_of(p);
  if (bits % 16 == 0) {
    const bool is_large = p.groups * p.rows * ((p.a.bytes + p.b.bytes) / 16) >= kHeldFrom;
    return is_large ? with_units_of<uint4, kConcatHeld>(p, stream) : with_units_of<uint4, 1>(p, stream);
  }
  if (bits % 4 == 0) return with_units_of<uint32_t, 1>(p, stream);
  return bits % 2 == 0 ? with_units_of<uint16_t, 1>(p, stream) : with_units_of<uint8_t, 1>(p, stream);
}

}  // namespace warpwright
