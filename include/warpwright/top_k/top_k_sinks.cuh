// Where the winners of a row go.
#pragma once

#include <climits>
#include <cstdint>

#include "warpwright/ordered_key.cuh"
#include "warpwright/top_k/top_k.h"

namespace warpwright {

// The elements of a row among which is chosen. Those of a row that has no more than k are not read: all are taken.
struct TopKPart {
  int start = 0, length = 0;
  bool all = false;
};

// Values, as words, and their indices, of whole rows: the largest first, or by ascending index.
template <typename T, bool kIsSorted>
class PairSink {
 public:
  static constexpr bool kSorted = kIsSorted, kMayTakeAll = false;
  static constexpr int kAtOnce = 1;  // entries of a thread: most values are known by their keys

  __device__ PairSink(const TopKProblem& p, int64_t row) : problem_(p), row_(row) {}

  __device__ static TopKPart part(const TopKProblem& p, int64_t) { return {0, int(p.columns), false}; }

  // Keys stand in the highest bits. One of several floats' is not worth a guess: the element itself is read again.
  __device__ T entry_of(uint32_t key, uint32_t index) const {
    key >>= 32 - kKeyBits<T>;
    if (is_key_exact<T>(key)) return T(bits_of_ordered_key<T>(key));
    return static_cast<const T*>(problem_.input)[row_ * problem_.row_stride + index];
  }

  __device__ void put(uint32_t place, uint32_t index, T entry) const {
    const int64_t at = row_ * problem_.k + place;
    static_cast<T*>(problem_.values)[at] = entry;
    problem_.indices[at] = index;
  }

 private:
  const TopKProblem& problem_;  // whose addresses are kept in no register
  int64_t row_;
};

// What becomes of the indices of a part of a row.
class PlaceSink {
 public:
  static constexpr bool kSorted = false, kMayTakeAll = true;
  static constexpr int kAtOnce = 4;

  __device__ PlaceSink(const TopKProblem& p, int64_t row) : places_(p.places + row * p.k) {
    const TopKTransform& by = p.transform;
    if (by.offsets != nullptr) offset_ = uint32_t(by.offsets[row]);
    is_by_table_ = by.is_by_table;
    if (!is_by_table_) return;
    const int64_t request = by.request_starts == nullptr ? row : request_of(by, row);
    if (request >= by.requests || by.table == nullptr) return;
    columns_ = by.table_columns;
    table_ = by.table + request * by.table_stride;
  }

  // A part that leaves its row is cut to what lies in it, but a part of up to k elements, of which none is read.
  __device__ static TopKPart part(const TopKProblem& p, int64_t row) {
    const int wanted = p.lengths[row];
    if (wanted <= p.k) return {0, max(wanted, 0), true};
    const int start = p.starts == nullptr ? 0 : min(max(p.starts[row], 0), int(p.columns));
    const int length = min(wanted, int(p.columns) - start);
    return {start, length, length <= p.k};
  }

  __device__ int32_t entry_of(uint32_t, uint32_t index) const { return transformed(index); }

  __device__ void put(uint32_t place, uint32_t, int32_t entry) const { places_[place] = entry; }

  // Every index of a short part, by the threads of all blocks.
  __device__ void put_all(int length, int64_t k, int64_t thread, int64_t threads) const {
    for (int64_t place = thread; place < k; place += threads) {
      places_[place] = place < length ? transformed(uint32_t(place)) : -1;
    }
  }

 private:
  __device__ int32_t transformed(uint32_t index) const {
    if (is_by_table_) return index < columns_ ? table_[index] : -1;
    return int32_t(index + offset_);
  }

  // The first request whose rows hold this one; `requests` where none does. Every thread of the block comes here.
  __device__ static int64_t request_of(const TopKTransform& by, int64_t row) {
    __shared__ int found;
    __syncthreads();  // the last row's was read
    if (threadIdx.x == 0) found = INT_MAX;
    __syncthreads();
    for (int64_t i = threadIdx.x; i < by.requests; i += blockDim.x) {
      if (by.request_starts[i] <= row && row < by.request_starts[i + 1]) atomicMin(&found, int(i));
    }
    __syncthreads();
    return found == INT_MAX ? by.requests : found;
  }

  int32_t* places_;
  const int32_t* table_ = nullptr;
  int64_t columns_ = 0;
  uint32_t offset_ = 0;
  bool is_by_table_ = false;
};

}  // namespace warpwright
