// The elements that a cut takes from a row, marked by a bit each in shared memory: those above the cut at once, and
// those at it after a short list of them was cut further. Places by ascending index are then counts of bits.
#pragma once

#include <cstdint>

#include "warpwright/top_k/scatter.cuh"

namespace warpwright {

constexpr uint32_t kMostListed = 3072;  // elements of a row that are cut further on a list

// A bit for each element of the block, in words: `tied` those of which the first or the last are taken. `taken` is
// null where there is no room for them.
struct Marks {
  uint32_t *taken, *tied, *list;
  int words;
};

namespace marks {

__device__ __forceinline__ void set(uint32_t* bits, uint32_t i) { atomicOr(&bits[i / 32], 1u << i % 32); }

// Marks what is above the cut, and lists what is at it.
template <typename Window>
__device__ __forceinline__ void mark(const Marks& to, uint32_t* listed, const Cut& cut, const Window& window) {
  constexpr int kSize = Window::kSize;
  for (int i = threadIdx.x; i < to.words; i += blockDim.x) to.taken[i] = to.tied[i] = 0;
  if (threadIdx.x == 0) *listed = 0;
  __syncthreads();
  const SharedCounters listing(listed);
  window.each_vector([&](const typename Window::Keys& keys, uint32_t first) {
    uint32_t are_above = 0, are_at = 0;
#pragma unroll
    for (int j = 0; j < kSize; ++j) {
      are_above |= uint32_t(cut.is_above(keys[j])) << j;
      are_at |= uint32_t(cut.is_at(keys[j])) << j;
    }
    const uint32_t begin = first - window.index_at(0);
    if (are_above != 0) atomicOr(&to.taken[begin / 32], are_above << begin % 32);
    if (are_at == 0) return;
    uint32_t place = listing.add(uint32_t(__popc(are_at)));
#pragma unroll 1
    for (uint32_t left = are_at; left != 0; left &= left - 1) to.list[place++] = begin + __ffs(left) - 1;
  });
  __syncthreads();
}

// Adds up what the group's threads before this one have.
template <bool kClustered>
__device__ __forceinline__ uint32_t before(RowGroup<kClustered>& group, ScatterShared& shared, uint32_t own) {
  return scatter_winners::count_before(group, shared, {own, 0}).above + warp_scan(own) - own;
}

// Calls `visit` with a thread's share of the bits, some of a word at a time, and the number of the first one's element.
// Shares ascend from thread to thread.
template <typename Visit>
__device__ __forceinline__ void each_own(const uint32_t* bits, int words, const Visit& visit) {
  const int share = words * 32 / int(blockDim.x), end = (int(threadIdx.x) + 1) * share;
#pragma unroll 1
  for (int first = end - share; first < end;) {
    const int offset = first % 32, count = min(32 - offset, end - first);
    visit(bits[first / 32] >> offset & (~0u >> (32 - count)), uint32_t(first));
    first += count;
  }
}

__device__ __forceinline__ uint32_t count_own(const uint32_t* bits, int words) {
  uint32_t count = 0;
  each_own(bits, words, [&](uint32_t some, uint32_t) { count += __popc(some); });
  return count;
}

// Takes of those that are tied the ones that `skipped` others or more come before, up to `need`.
template <bool kClustered>
__device__ __forceinline__ void take_tied(RowGroup<kClustered>& group, ScatterShared& shared, const Marks& of,
                                          uint32_t skipped, uint32_t need) {
  uint32_t place = before(group, shared, count_own(of.tied, of.words)) - skipped;  // wraps for those skipped
  each_own(of.tied, of.words, [&](uint32_t left, uint32_t first) {
    for (; left != 0; left &= left - 1, ++place) {
      if (place < need) set(of.taken, first + __ffs(left) - 1);
    }
  });
  group.sync();  // until all have read what others have in `shared`
}

// Lists a thread's elements that are taken at their places, as far as the list goes; before its begin places wrap.
__device__ __forceinline__ void list_taken(const Marks& of, uint32_t place) {
  each_own(of.taken, of.words, [&](uint32_t left, uint32_t first) {
#pragma unroll 1
    for (; left != 0; left &= left - 1, ++place) {
      if (place < kMostListed) of.list[place] = first + __ffs(left) - 1;
    }
  });
}

// Gives the sink what is listed, some elements of a thread at once, as an entry may have to be read.
template <typename Window, typename Sink>
__device__ __forceinline__ void put_listed(const uint32_t* list, uint32_t place, uint32_t count, const Window& window,
                                           const Sink& sink) {
  constexpr int kAtOnce = Sink::kAtOnce;
#pragma unroll 1
  for (uint32_t first = threadIdx.x; first < count; first += kAtOnce * blockDim.x) {
    uint32_t elements[kAtOnce];
    decltype(sink.entry_of(0, 0)) entries[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (first + i * blockDim.x >= count) break;
      elements[i] = list[first + i * blockDim.x];
      entries[i] = sink.entry_of(window.key_at(elements[i]), window.index_at(elements[i]));
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (first + i * blockDim.x >= count) break;
      sink.put(place + first + i * blockDim.x, window.index_at(elements[i]), entries[i]);
    }
  }
}

// Gives the sink each element that is taken, by way of the list: threads side by side then have places side by side.
template <bool kClustered, typename Window, typename Sink>
__device__ __forceinline__ void put_taken(RowGroup<kClustered>& group, ScatterShared& shared, const Marks& of,
                                          const Window& window, const Sink& sink) {
  const uint32_t count = count_own(of.taken, of.words), place = before(group, shared, count);
  if (threadIdx.x == 0) shared.first_place = place;
  if (threadIdx.x == blockDim.x - 1) shared.end_place = place + count;
  __syncthreads();
#pragma unroll 1
  for (uint32_t first = shared.first_place; first < shared.end_place; first += kMostListed) {
    list_taken(of, place - first);
    __syncthreads();
    put_listed(of.list, first, min(shared.end_place - first, kMostListed), window, sink);
    __syncthreads();
  }
}

}  // namespace marks

// Gives the sink each of the k largest, as scatter does, of a row whose blocks have room for marks and whose cut leaves
// up to kMostListed at it.
template <int kBits, bool kClustered, typename Window, typename Sink>
__device__ __forceinline__ void put_marked(RowGroup<kClustered>& group, RadixShared<kClustered>& radix,
                                           ScatterShared& shared, Cut cut, bool prefers_last, const Marks& to,
                                           const Window& window, const Sink& sink) {
  marks::mark(to, &shared.listed, cut, window);
  const uint32_t listed = shared.listed;
  const auto each_listed = [&](const auto& visit) {
    for (uint32_t i = threadIdx.x; i < listed; i += blockDim.x) visit(window.key_at(to.list[i]));
  };
  refine<kBits>(cut, group, radix, each_listed, [](const Cut&) { return false; });
  const bool takes_all = cut.need == cut.at;
  for (uint32_t i = threadIdx.x; i < listed; i += blockDim.x) {
    const uint32_t element = to.list[i], key = window.key_at(element);
    if (cut.is_above(key) || (takes_all && cut.is_at(key))) {
      marks::set(to.taken, element);
    } else if (cut.is_at(key)) {
      marks::set(to.tied, element);
    }
  }
  __syncthreads();
  if (!takes_all) marks::take_tied(group, shared, to, prefers_last ? cut.at - cut.need : 0, cut.need);
  marks::put_taken(group, shared, to, window, sink);
}

}  // namespace warpwright
