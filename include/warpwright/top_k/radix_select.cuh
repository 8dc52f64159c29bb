// The k-th largest of a row's keys, by its digits from the highest on: the keys of each digit are counted in shared
// memory, and those of the digit in which the k-th is are counted by their next one. Counts are whole numbers, so the
// order in which threads add to them changes nothing.
// Method: radix selection, Alabi, Blanchard, Gordon and Steinbach, "Fast k-Selection Algorithms for Graphics Processing
// Units" (ACM JEA 17, 2012), section 3.2, with digits of 11 bits.
#pragma once

#include <cstdint>

#include "warpwright/ordered_key.cuh"
#include "warpwright/top_k/row_group.cuh"

namespace warpwright {

constexpr int kDigitBits = 11, kDigits = 1 << kDigitBits;

// Where the k largest keys end: all keys that are above, and `need` of those that are at the cut.
struct Cut {
  uint32_t prefix = 0;                   // the highest bits of the keys at the cut
  int shift = 0;                         // the bits below those; 0: all keys at the cut are equal
  uint32_t above = 0, at = 0, need = 0;  // keys; at least one is at the cut and needed

  __device__ bool is_above(uint32_t key) const { return key >> shift > prefix; }
  __device__ bool is_at(uint32_t key) const { return key >> shift == prefix; }

  // The least key that is at the cut or above.
  __device__ uint32_t least() const { return prefix << shift; }

  // The cut below all that are at this one. No key has the prefix 0, since none of the float keys is so small.
  __device__ Cut below() const { return {prefix - 1, shift, above + at, 0, 0}; }
};

template <bool kClustered>
struct RadixShared {
  alignas(16) uint32_t counts[kDigits];       // of this block's keys
  uint32_t totals[kClustered ? kDigits : 1];  // of the whole row's
  uint32_t of_warps[32];
  uint32_t digit, above, at;  // of the last digit that was found
};

namespace radix_select {

template <bool kClustered>
__device__ __forceinline__ void clear(RadixShared<kClustered>& shared) {
  auto* counts = reinterpret_cast<uint4*>(shared.counts);
  for (int i = threadIdx.x; i < kDigits / 4; i += blockDim.x) counts[i] = uint4{};
  __syncthreads();
}

// Adds the blocks' counts up: each block a part of the digits, for all of them.
template <bool kClustered>
__device__ __forceinline__ const uint32_t* reduce(RowGroup<kClustered>& group, RadixShared<kClustered>& shared) {
  group.sync();
  if constexpr (!kClustered) return shared.counts;
  const int blocks = group.size(), part = kDigits / blocks;
  for (int i = threadIdx.x; i < part; i += blockDim.x) {
    const int digit = group.rank() * part + i;
    uint32_t total = 0;
#pragma unroll
    for (int block = 0; block < group.kMostBlocks; ++block) {
      if (block < blocks) total += group.read(&shared.counts[digit], block);
    }
    for (int block = 0; block < blocks; ++block) group.write(&shared.totals[digit], block, total);
  }
  group.sync();
  return shared.totals;
}

// Finds the digit of the need-th largest key. Threads have digits side by side, from the largest on.
template <bool kClustered>
__device__ __forceinline__ void find(RadixShared<kClustered>& shared, const uint32_t* totals, uint32_t need) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, each = kDigits / blockDim.x;
  const uint32_t* largest = totals + kDigits - 1 - threadIdx.x * each;
  uint32_t own = 0;
  for (int i = 0; i < each; ++i) own += largest[-i];
  uint32_t end = warp_scan(own);
  if (lane == 31) shared.of_warps[warp] = end;
  __syncthreads();
  end += warp_sum(lane < warp ? shared.of_warps[lane] : 0);
  if (end >= need && end - own < need) {
    uint32_t above = end - own;
    int i = 0;
    while (above + largest[-i] < need) above += largest[-i++];
    shared.digit = uint32_t(largest - i - totals);
    shared.above = above;
    shared.at = largest[-i];
  }
  __syncthreads();
}

// The cut by one more digit, which begins at bit `shift`.
template <bool kClustered>
__device__ __forceinline__ Cut next(const RadixShared<kClustered>& shared, const Cut& last, int bits, int shift) {
  return {last.prefix << bits | shared.digit, shift, last.above + shared.above, shared.at, last.need - shared.above};
}

}  // namespace radix_select

// The cut of a row's k largest keys by their first digit, 1 <= k <= the number of the row's keys; every thread of the
// group's blocks comes here and gets it.
//
// `load` calls what it is given with each key of this thread, and in all threads of the block at once, now and then,
// with none. At such a pause the digit of the k-th largest of the block's keys so far is found: the row's k-th is no
// less, so lower keys are not counted from then on. Where many of a few digits come, most need not be.
//
// A key stands in the highest bits of a word, and 0 for none: no float's first digit is 0. Blocks have a power of two
// of threads, from a warp to 1024, and a group a power of two of blocks. Who writes to `shared` again, or ends,
// synchronises the group before.
template <bool kClustered, typename Load>
__device__ __forceinline__ Cut first_cut(RowGroup<kClustered>& group, RadixShared<kClustered>& shared, uint32_t k,
                                         const Load& load) {
  using namespace radix_select;
  constexpr int kShift = 32 - kDigitBits;
  if (threadIdx.x == 0) shared.digit = 0;
  clear(shared);
  const SharedCounters counts(shared.counts);
  uint32_t least = 1u << kShift;
  load([&](uint32_t key) { counts.count(key >> kShift, key, least); },
       [&] {
         __syncthreads();
         find(shared, shared.counts, k);  // leaves the digit where there are not yet k keys
         least = max(least, shared.digit << kShift);
       });
  find(shared, reduce(group, shared), k);
  Cut cut;  // at first above nothing: all keys but those of none are at it
  cut.need = k;
  return next(shared, cut, kDigitBits, kShift);
}

// The cut by as many more digits as it takes until nothing is left to choose or `is_enough(cut)`. A key has kBits, and
// `each` calls what it is given with each key of this thread that is at the cut, and any others, in every turn.
template <int kBits, bool kClustered, typename Each, typename IsEnough>
__device__ __forceinline__ void refine(Cut& cut, RowGroup<kClustered>& group, RadixShared<kClustered>& shared,
                                       const Each& each, const IsEnough& is_enough) {
  using namespace radix_select;
  const SharedCounters counts(shared.counts);
#pragma unroll 1
  while (cut.shift > 32 - kBits && cut.need != cut.at && !is_enough(cut)) {
    const int bits = min(cut.shift, kDigitBits), shift = cut.shift - bits;
    clear(shared);
    each([&](uint32_t key) { counts.count(key >> shift & ((1u << bits) - 1), cut.is_at(key), 1); });
    find(shared, reduce(group, shared), cut.need);
    cut = next(shared, cut, bits, shift);
  }
}

}  // namespace warpwright
