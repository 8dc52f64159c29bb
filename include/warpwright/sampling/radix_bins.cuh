// Bins of a radix digit in shared memory, and the bin in which a count or a mass is reached from the largest keys down.
#pragma once

#include "warpwright/sampling/block_sum.cuh"
#include "warpwright/sampling/weights.cuh"

namespace warpwright {

constexpr int kFirstDigitBits = 12, kFirstShift = 32 - kFirstDigitBits;  // sign, exponent and 3 bits
constexpr int kBins = 1 << kFirstDigitBits;

// How many elements a bin has.
template <int kCount>
struct CountBins {
  uint32_t count[kCount];

  __device__ void clear(int bin) { count[bin] = 0; }
  __device__ __forceinline__ void add(int bin, uint32_t) { atomicAdd(&count[bin], 1u); }
  __device__ double of(int bin, int) const { return count[bin]; }
};

// How many elements a thread's bins have; those of all threads are all bins.
__device__ inline double count_of(const CountBins<kBins>& bins) {
  double count = 0.0;
  for (int bin = threadIdx.x; bin < kBins; bin += kRowThreads) count += bins.of(bin, 0);
  return count;
}

// The sum of their floats, exactly, so that it does not depend on the order in which they come: all of a bin have one
// exponent, and 2^20 mantissas of 24 bits, in two parts of 12, fit into two words.
template <int kCount>
struct MassBins {
  uint32_t high[kCount], low[kCount];

  __device__ void clear(int bin) { high[bin] = low[bin] = 0; }

  __device__ __forceinline__ void add(int bin, uint32_t key) {
    const uint32_t bits = key ^ kKeyOfZero<float>, fraction = bits & 0x7fffffu;
    const uint32_t mantissa = bits >= 0x800000u ? fraction | 0x800000u : fraction;
    atomicAdd(&high[bin], mantissa >> 12);
    atomicAdd(&low[bin], mantissa & 4095u);
  }

  // `exponent` is the field of the bin's floats; all are positive.
  __device__ double of(int bin, int exponent) const {
    const double mantissas = double(high[bin]) * 4096.0 + double(low[bin]);
    return mantissas * __longlong_as_double(int64_t((exponent == 0 ? 1 : exponent) - 150 + 1023) << 52);
  }
};

// The exponent field of the positive float whose key begins with these 12 bits.
__device__ inline int exponent_of(uint32_t first_digit) { return int(first_digit >> 3 & 0xffu); }

struct Reached {
  int bin;       // -1: the bins together do not reach it
  double above;  // what the bins above have, and what was there before
  double with;   // the same with this bin
};

struct ReachShared {
  double sums[kRowWarps];
  int place;
  double above, with;
};

// Finds the first bin, from the last one down, with which `before` and the bins so far come to `limit` or more.
// `exponent(bin)` is that of its floats.
template <typename Bins, typename Exponent>
__device__ Reached reach(const Bins& bins, int count, double before, double limit, const Exponent& exponent,
                         ReachShared& shared) {
  constexpr int kEach = kBins / kRowThreads;
  const int first = threadIdx.x * kEach;  // places count from the last bin
  double own[kEach], sum = 0.0;
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int bin = count - 1 - first - i;
    own[i] = bin >= 0 ? bins.of(bin, exponent(bin)) : 0.0;
    sum += own[i];
  }
  if (threadIdx.x == 0) shared.place = kBins;
  const Prefix<double> prefix = prefix_sum(sum, shared.sums);
  double above = before + (prefix.up_to - sum);
  int place = kBins;
  double above_place = 0.0, with_place = 0.0;
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (place == kBins && own[i] > 0.0 && above + own[i] >= limit) {
      place = first + i;
      above_place = above;
      with_place = above + own[i];
    }
    above += own[i];
  }
  if (place < kBins) atomicMin(&shared.place, place);
  __syncthreads();
  if (place == shared.place && place < kBins) {
    shared.above = above_place;
    shared.with = with_place;
  }
  __syncthreads();
  return {shared.place < kBins ? count - 1 - shared.place : -1, shared.above, shared.with};
}

}  // namespace warpwright
