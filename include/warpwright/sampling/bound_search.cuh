// The least key that stays: that of the k-th largest score, or of the one with which the larger ones come to a share of
// the mass. Exact, by radix digits, the first of 12 bits: the row is read once for it, and once more for the elements
// that have the digit in which the bound lies. These fit into shared memory but for rows of very many near equals.
#pragma once

#include "warpwright/sampling/radix_bins.cuh"

namespace warpwright {

constexpr int kMostGathered = 4096, kMostDigit = 256;

template <template <int> class Bins>
struct BoundShared {
  union {
    Bins<kBins> bins;
    uint32_t gathered[kMostGathered];
  };
  Bins<kMostDigit> few;
  ReachShared reach;
  int count;
};

// Calls each(key) for the keys of a row's elements that have weight.
template <typename Weights, typename T>
struct RowKeys {
  const RowScores<T>& row;

  template <typename Each>
  __device__ __forceinline__ void for_each(bool backward, const Each& each) const {
    row.for_each(backward, [&](float score, int) {
      const uint32_t key = key_of<Weights>(score);
      if (key != kKeyOfNone) each(key);
    });
  }
};

struct GatheredKeys {
  const uint32_t* keys;
  int count;

  template <typename Each>
  __device__ __forceinline__ void for_each(bool, const Each& each) const {
    for (int i = threadIdx.x; i < count; i += kRowThreads) each(keys[i]);
  }
};

template <int kCount, template <int> class Bins>
__device__ void clear(Bins<kCount>& bins) {
  __syncthreads();
  for (int bin = threadIdx.x; bin < kCount; bin += kRowThreads) bins.clear(bin);
  __syncthreads();
}

// The bins of all keys by their first digit.
template <typename Keys, template <int> class Bins>
__device__ void fill_first_digit(const Keys& keys, Bins<kBins>& bins) {
  clear(bins);
  keys.for_each(false, [&](uint32_t key) { bins.add(key >> kFirstShift, key); });
  __syncthreads();
}

// The bound among keys of which the first digit is known; `above` is what keys of larger digits have. Where rounding
// leaves the limit out of reach, all of the digits so far stay.
template <typename Keys, template <int> class Bins>
__device__ uint32_t refine(const Keys& keys, uint32_t prefix, double above, double limit, Bins<kMostDigit>& bins,
                           ReachShared& shared) {
  const int exponent = exponent_of(prefix);
  int shift = kFirstShift;
  while (shift > 0) {
    const int bits = shift < 8 ? shift : 8, next = shift - bits;
    clear(bins);
    keys.for_each(shift % 16 == 4, [&](uint32_t key) {
      if (key >> shift == prefix) bins.add(key >> next & ((1u << bits) - 1), key);
    });
    __syncthreads();
    const Reached reached = reach(bins, 1 << bits, above, limit, [=](int) { return exponent; }, shared);
    if (reached.bin < 0) break;
    prefix = prefix << bits | uint32_t(reached.bin);
    above = reached.above;
    shift = next;
  }
  return prefix << shift;
}

// The row's keys with a first digit; returns how many there are, of which the first kMostGathered are kept. `larger` is
// called with keys of larger digits.
template <typename Keys, typename Larger>
__device__ int gather_digit(const Keys& keys, uint32_t digit, uint32_t* gathered, int* count, const Larger& larger) {
  __syncthreads();
  if (threadIdx.x == 0) *count = 0;
  __syncthreads();
  keys.for_each(true, [&](uint32_t key) {
    if (key >> kFirstShift > digit) larger(key);
    if (key >> kFirstShift != digit) return;
    const int place = atomicAdd(count, 1);
    if (place < kMostGathered) gathered[place] = key;
  });
  __syncthreads();
  return *count;
}

}  // namespace warpwright
