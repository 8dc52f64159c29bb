// Kernel that takes the k largest of each row. The blocks of a row read it once, find the k-th largest key, and give
// each element above it its place by the order of indices; where values are asked for by size, the first block sorts
// them.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/top_k/merge_sort.cuh"
#include "warpwright/top_k/row_window.cuh"
#include "warpwright/top_k/scatter.cuh"
#include "warpwright/top_k/top_k_sinks.cuh"

namespace warpwright {

constexpr int kTopKThreads = 1024;  // of a block, at most
constexpr int kSortBytes = 2 * kMostSorted * 8;

template <bool kClustered>
struct TopKShared {
  RadixShared<kClustered> radix;
  ScatterShared scatter;
};

// A winner as a number: in the order of keys, and of equal ones in the order that is preferred.
__device__ __forceinline__ uint64_t winner(uint32_t key, uint32_t index, uint32_t turned) {
  return uint64_t{key} << 32 | (index ^ turned);
}

// Takes the k largest of a window, of which k is at most the number; `lists` has kSortBytes where they are sorted.
template <typename T, bool kClustered, typename Sink>
__device__ __forceinline__ void choose(RowGroup<kClustered>& group, TopKShared<kClustered>& shared,
                                       const TopKProblem& p, const RowWindow<T>& window, const Sink& sink,
                                       uint64_t* lists) {
  const uint32_t k = uint32_t(p.k), enough = Sink::kSorted ? kMostSorted : 0;
  Cut cut = find_cut<kKeyBits<T>>(group, shared.radix, k, enough, [&](const auto& visit) { window.each_key(visit); });
  if (cut.above + cut.at <= max(enough, k)) cut = cut.below();
  if constexpr (!Sink::kSorted) {
    scatter(group, shared.scatter, cut, p.prefers_last, window,
            [&](uint32_t place, uint32_t key, uint32_t index) { sink.put(place, key, index); });
  } else {
    const uint32_t turned = p.prefers_last ? 0 : 0xffffffffu;
    scatter(group, shared.scatter, cut, p.prefers_last, window, [&](uint32_t place, uint32_t key, uint32_t index) {
      group.write(lists + place, 0, winner(key, index, turned));
    });
    group.sync();
    if (group.rank() != 0) return;
    const uint64_t* winners = sort_descending(lists, lists + kMostSorted, int(cut.above + cut.need));
    for (uint32_t i = threadIdx.x; i < k; i += blockDim.x) {
      sink.put(i, uint32_t(winners[i] >> 32), uint32_t(winners[i]) ^ turned);
    }
  }
}

// T is a word of an element's size, and `infinity` what its format has for +inf. `held_steps` vectors of each thread
// stay in shared memory, behind the lists of those who sort.
template <typename T, typename Sink, bool kClustered>
__global__ void __launch_bounds__(kTopKThreads) top_k_kernel(TopKProblem p, uint32_t infinity, int held_steps) {
  __shared__ TopKShared<kClustered> shared;
  wait_for_earlier_kernels();
  let_later_kernels_start();
  extern __shared__ uint4 dynamic[];
  RowGroup<kClustered> group;
  const int blocks = group.size();
  uint64_t* const lists = reinterpret_cast<uint64_t*>(dynamic);
  uint4* const held = dynamic + (Sink::kSorted ? kSortBytes / 16 : 0);
  for (int64_t row = blockIdx.x / blocks; row < p.rows; row += gridDim.x / blocks) {
    const Sink sink(p, row);
    const TopKPart part = Sink::part(p, row);
    if constexpr (Sink::kMayTakeAll) {
      if (part.all) {
        sink.put_all(part.length, p.k, group.rank() * blockDim.x + threadIdx.x, blocks * blockDim.x);
        continue;
      }
    }
    const T* first = static_cast<const T*>(p.input) + row * p.row_stride + part.start;
    const RowWindow<T> window(first, part.length, infinity, group.rank(), blocks, held, held_steps);
    window.load();
    choose(group, shared, p, window, sink, lists);
    group.sync();  // until all have read what others have in shared memory
  }
}

}  // namespace warpwright
