// Kernel that takes the k largest of each row. The blocks of a row find the k-th largest key, and give
// each element above it its place by the order of indices; where values are asked for by size, the first block sorts
// them. The largest alone needs no counts.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/top_k/marks.cuh"
#include "warpwright/top_k/merge_sort.cuh"
#include "warpwright/top_k/row_window.cuh"
#include "warpwright/top_k/scatter.cuh"
#include "warpwright/top_k/top_k_sinks.cuh"

namespace warpwright {

constexpr int kTopKThreads = 1024;  // of a block, at most
constexpr int kSortBytes = 2 * kMostSorted * 8;

// Bytes of lists that a block has in front of the vectors that it keeps.
template <typename Sink>
constexpr int kListBytes = Sink::kSorted ? kSortBytes : 4 * kMostListed;

// Bytes of the marks of a vector's elements, two bits each.
template <typename T, typename Sink>
constexpr int kMarkBytes = Sink::kSorted ? 0 : kFullVector<T> / 4;

template <bool kClustered>
struct TopKShared {
  RadixShared<kClustered> radix;
  ScatterShared scatter;
  uint64_t best[32];  // of each warp, and then of each block
};

// A winner as a number: in the order of keys, and of equal ones in the order that is preferred.
__device__ __forceinline__ uint64_t winner(uint32_t key, uint32_t index, uint32_t turned) {
  return uint64_t{key} << 32 | (index ^ turned);
}

template <typename Sink>
__device__ __forceinline__ void put_winner(const Sink& sink, uint32_t place, uint64_t winner, uint32_t turned) {
  const uint32_t index = uint32_t(winner) ^ turned;
  sink.put(place, index, sink.entry_of(uint32_t(winner >> 32), index));
}

__device__ __forceinline__ uint64_t warp_largest(uint64_t value) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) value = max(value, __shfl_xor_sync(kWholeWarp, value, offset));
  return value;
}

// Takes the largest of a window.
template <typename T, bool kClustered, typename Sink>
__device__ __forceinline__ void choose_one(RowGroup<kClustered>& group, TopKShared<kClustered>& shared,
                                           const RowWindow<T>& window, const Sink& sink, uint32_t turned) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  uint64_t best = 0;
  window.load(
      [&](const typename RowWindow<T>::Keys& keys, uint32_t first) {
#pragma unroll
        for (int j = 0; j < RowWindow<T>::kSize; ++j) best = max(best, winner(keys[j], first + j, turned));
      },
      [] {});
  best = warp_largest(best);
  if (lane == 0) shared.best[warp] = best;
  __syncthreads();
  best = warp_largest(lane < int(blockDim.x) / 32 ? shared.best[lane] : 0);
  if constexpr (kClustered) {
    group.sync();
    if (threadIdx.x == 0) group.write(shared.best + group.rank(), 0, best);
    group.sync();
    best = warp_largest(lane < group.size() ? shared.best[lane] : 0);
  }
  if (group.rank() == 0 && threadIdx.x == 0) put_winner(sink, 0, best, turned);
}

// Lists all that a cut has above it, in any order, in the first block; `lists` is room for two lists.
template <typename T, bool kClustered>
__device__ __forceinline__ uint64_t* list_winners(RowGroup<kClustered>& group, ScatterShared& shared, const Cut& cut,
                                                  const RowWindow<T>& window, uint32_t turned, uint64_t* lists) {
  if (threadIdx.x == 0) shared.listed = 0;
  __syncthreads();
  const SharedCounters listing(&shared.listed);
  window.each_vector([&](const typename RowWindow<T>::Keys& keys, uint32_t first) {
    uint32_t are_above = 0;
#pragma unroll
    for (int j = 0; j < RowWindow<T>::kSize; ++j) are_above |= uint32_t(cut.is_above(keys[j])) << j;
    if (are_above == 0) return;
    uint32_t place = listing.add(uint32_t(__popc(are_above)));
#pragma unroll
    for (int j = 0; j < RowWindow<T>::kSize; ++j) {
      if (are_above >> j & 1) lists[place++] = winner(keys[j], first + j, turned);
    }
  });
  group.sync();
  if constexpr (!kClustered) return lists;
  const int lane = threadIdx.x % 32;
  const uint32_t begin = warp_sum(lane < group.rank() ? group.read(&shared.listed, lane) : 0);
  for (uint32_t i = threadIdx.x; i < shared.listed; i += blockDim.x) {
    group.write(lists + kMostSorted + begin + i, 0, lists[i]);
  }
  group.sync();
  return lists + kMostSorted;
}

// Takes the k largest by size.
template <typename T, bool kClustered, typename Sink>
__device__ __forceinline__ void choose_sorted(RowGroup<kClustered>& group, TopKShared<kClustered>& shared, Cut cut,
                                              const TopKProblem& p, const RowWindow<T>& window, const Sink& sink,
                                              uint64_t* lists) {
  const uint32_t k = uint32_t(p.k), turned = p.prefers_last ? 0 : 0xffffffffu;
  const auto each = [&](const auto& visit) { window.each_key(visit); };
  refine<kKeyBits<T>>(cut, group, shared.radix, each, [](const Cut& at) { return at.above + at.at <= kMostSorted; });
  uint64_t* listed = lists;
  if (cut.above + cut.at <= kMostSorted) {
    cut = cut.below();
    listed = list_winners(group, shared.scatter, cut, window, turned, lists);
  } else {
    scatter(group, shared.scatter, cut, p.prefers_last, window, [&](uint32_t place, uint32_t key, uint32_t index) {
      group.write(lists + place, 0, winner(key, index, turned));
    });
    group.sync();
  }
  if (group.rank() != 0) return;
  uint64_t* const other = listed == lists ? lists + kMostSorted : lists;
  const uint64_t* winners = sort_descending(listed, other, int(cut.above + cut.need));
  for (uint32_t i = threadIdx.x; i < k; i += blockDim.x) put_winner(sink, i, winners[i], turned);
}

// Takes the k largest by ascending index.
template <typename T, bool kClustered, typename Sink>
__device__ __forceinline__ void choose_in_order(RowGroup<kClustered>& group, TopKShared<kClustered>& shared, Cut cut,
                                                const TopKProblem& p, const RowWindow<T>& window, const Sink& sink,
                                                const Marks& to) {
  const auto each = [&](const auto& visit) { window.each_key(visit); };
  const uint32_t enough = to.taken != nullptr ? kMostListed : 0;
  refine<kKeyBits<T>>(cut, group, shared.radix, each, [&](const Cut& at) { return at.at <= enough; });
  if (cut.at <= enough) {
    put_marked<kKeyBits<T>>(group, shared.radix, shared.scatter, cut, p.prefers_last, to, window, sink);
  } else {
    scatter(group, shared.scatter, cut, p.prefers_last, window,
            [&](uint32_t place, uint32_t key, uint32_t index) { sink.put(place, index, sink.entry_of(key, index)); });
  }
}

// Takes the k largest of a window, of which k is at most the number. `lists` has kListBytes; `marks` is null where
// there is no room for all of the block's.
template <typename T, bool kClustered, typename Sink>
__device__ __forceinline__ void choose(RowGroup<kClustered>& group, TopKShared<kClustered>& shared,
                                       const TopKProblem& p, const RowWindow<T>& window, const Sink& sink, uint4* lists,
                                       uint4* marks) {
  using Keys = typename RowWindow<T>::Keys;
  if constexpr (!Sink::kMayTakeAll) {
    if (p.k == 1) return choose_one(group, shared, window, sink, p.prefers_last ? 0 : 0xffffffffu);
  }
  const Cut cut = first_cut(group, shared.radix, uint32_t(p.k), [&](const auto& count, const auto& pause) {
    window.load(
        [&](const Keys& keys, uint32_t) {
#pragma unroll
          for (int j = 0; j < RowWindow<T>::kSize; ++j) count(keys[j]);
        },
        pause);
  });
  if constexpr (Sink::kSorted) {
    choose_sorted(group, shared, cut, p, window, sink, reinterpret_cast<uint64_t*>(lists));
  } else {
    const int words = int(window.count() / 32);
    auto* const bits = reinterpret_cast<uint32_t*>(marks);
    const Marks to{bits, bits + words, reinterpret_cast<uint32_t*>(lists), words};
    choose_in_order(group, shared, cut, p, window, sink, to);
  }
}

// T is a word of an element's size, and `infinity` what its format has for +inf. `held_steps` vectors of each thread
// stay in shared memory, between lists and marks of all of them, where `has_marks`.
// kSm is that of the unit: a kernel of the same name in another one would have code for other SMs.
template <typename T, typename Sink, bool kClustered, int kSm>
__global__ void __launch_bounds__(kTopKThreads)
    top_k_kernel(TopKProblem p, uint32_t infinity, int held_steps, bool has_marks) {
  __shared__ TopKShared<kClustered> fixed;
  extern __shared__ uint4 behind[];
  wait_for_earlier_kernels();
  let_later_kernels_start();
  TopKShared<kClustered>& shared = *found_once(&fixed);
  uint4* const dynamic = found_once(behind);
  RowGroup<kClustered> group;
  const int blocks = group.size();
  uint4* const held = dynamic + kListBytes<Sink> / 16;
  uint4* const marks = has_marks ? held + held_steps * blockDim.x : nullptr;
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
    choose(group, shared, p, window, sink, dynamic, marks);
    group.sync();  // until all have read what others have in shared memory
  }
}

}  // namespace warpwright
