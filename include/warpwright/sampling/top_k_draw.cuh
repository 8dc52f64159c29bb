// A class by chance among the k heaviest: they are gathered in shared memory, sorted, and drawn from there.
#pragma once

#include "warpwright/sampling/bound_search.cuh"
#include "warpwright/sampling/draw.cuh"

namespace warpwright {

// A score with its place in the row: larger for larger scores, and for the earlier of equals.
using Entry = uint64_t;

__device__ inline Entry entry_of(uint32_t key, int index) { return Entry{key} << 32 | ~uint32_t(index); }
__device__ inline uint32_t key_of_entry(Entry entry) { return uint32_t(entry >> 32); }
__device__ inline int index_of_entry(Entry entry) { return int(~uint32_t(entry)); }

struct TopKShared {
  union {
    CountBins<kBins> bins;
    Entry entries[kMostGathered];
  };
  CountBins<kMostDigit> few;
  ReachShared reach;
  int count, kept, cut, drawn;
  double mass, total;
};

// Sorts entries, the largest first; `size` is a power of two. Bitonic: Batcher, "Sorting Networks and Their
// Applications" (AFIPS 1968).
__device__ inline void sort_entries(Entry* entries, int size) {
  const bool one_warp = size <= 64;
  if (!one_warp || threadIdx.x < 32) {
    for (int run = 2; run <= size; run *= 2) {
      for (int stride = run / 2; stride > 0; stride /= 2) {
        for (int pair = threadIdx.x; pair < size / 2; pair += kRowThreads) {
          const int low = 2 * pair - (pair & (stride - 1)), high = low + stride;
          const Entry one = entries[low], other = entries[high];
          if ((one < other) == ((low & run) == 0)) {
            entries[low] = other;
            entries[high] = one;
          }
        }
        if (one_warp) {
          __syncwarp();
        } else {
          __syncthreads();
        }
      }
    }
  }
  __syncthreads();
}

// Gathers the entries from a first digit on, of which there are kMostGathered at most, and sorts them.
template <typename Weights, typename T>
__device__ int gather_sorted(const RowScores<T>& row, uint32_t digit, TopKShared& shared) {
  __syncthreads();  // the bins were in the place of the entries
  if (threadIdx.x == 0) shared.count = 0;
  __syncthreads();
  row.for_each(true, [&](float score, int index) {
    const uint32_t key = key_of<Weights>(score);
    if (key == kKeyOfNone || key >> kFirstShift < digit) return;
    shared.entries[atomicAdd(&shared.count, 1)] = entry_of(key, index);
  });
  __syncthreads();
  const int count = shared.count;
  int size = 2;
  while (size < count) size *= 2;
  for (int i = count + threadIdx.x; i < size; i += kRowThreads) shared.entries[i] = 0;
  __syncthreads();
  sort_entries(shared.entries, size);
  return count;
}

// Draws among sorted entries: of the first k and those equal to the last of them, and of these such that less than a
// share of the mass is heavier; the mass is that of the first k, or a given one.
template <typename Weights>
__device__ Drawn draw_sorted(const Entry* entries, int count, int k, double share, double whole, double by_chance,
                             double* sums, TopKShared& shared) {
  constexpr int kEach = kMostGathered / kRowThreads;
  const float largest = score_of(key_of_entry(entries[0]));
  const int first = threadIdx.x * kEach;
  double weight[kEach], sum = 0.0;
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    weight[i] = first + i < count ? Weights::weight(score_of(key_of_entry(entries[first + i])), largest) : 0.0;
    sum += weight[i];
  }
  if (threadIdx.x == 0) shared.kept = shared.cut = shared.drawn = count;
  const double before = prefix_sum(sum, sums).up_to - sum;
  const auto starts_anew = [&](int i) {
    return i > 0 && i < count && key_of_entry(entries[i]) != key_of_entry(entries[i - 1]);
  };
  for (int i = first; i < first + kEach; ++i) {
    if (i >= k && starts_anew(i)) atomicMin(&shared.kept, i);
  }
  __syncthreads();
  const int kept = shared.kept;
  double up_to = before;
  for (int i = 0; i < kEach; ++i) {
    up_to += weight[i];
    if (first + i == kept - 1) shared.mass = up_to;
  }
  __syncthreads();
  if (whole < 0.0) whole = shared.mass;
  double heavier = before;
  for (int i = 0; i < kEach; ++i) {
    if (starts_anew(first + i) && !(share >= 1.0) && !(heavier < share * whole)) atomicMin(&shared.cut, first + i);
    heavier += weight[i];
  }
  __syncthreads();
  const int left = min(kept, shared.cut);
  up_to = before;
  for (int i = 0; i < kEach; ++i) {
    up_to += weight[i];
    if (first + i == left - 1) shared.total = up_to;
  }
  __syncthreads();
  const double target = by_chance * shared.total;
  up_to = before;
  for (int i = 0; i < kEach; ++i) {
    up_to += weight[i];
    if (first + i < left && weight[i] > 0.0 && up_to > target) atomicMin(&shared.drawn, first + i);
  }
  __syncthreads();
  const Entry drawn = entries[min(shared.drawn, left - 1)];
  return {index_of_entry(drawn), score_of(key_of_entry(drawn))};
}

}  // namespace warpwright
