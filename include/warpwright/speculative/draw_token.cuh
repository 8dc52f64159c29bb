// A token from max(target - draft, 0) over the vocabulary, by inversion of its cumulative distribution, of a whole block:
// all segments are summed, and the one in which the number falls is read again. The rows are read once, where a search
// from the left would read them twice.
#pragma once

#include <cstdint>

#include "warpwright/speculative/sample_draft.h"
#include "warpwright/vector.cuh"

namespace warpwright {

constexpr int kDrawThreads = 512;
constexpr int kDrawWarps = kDrawThreads / 32;
constexpr int kHeldVectors = 4;  // of a lane, on their way at once
constexpr int kGroup = 32 * 4;   // tokens that a warp reads at once
constexpr int32_t kNoSegment = 0x7fffffff;

// Tokens that have no mass left: they were rejected. A bit for each vector of 4 tokens says where to look closer; those
// of a vocabulary of more than 131,072 share bits.
struct Rejected {
  static constexpr int kWords = 1024;
  uint32_t seen[kWords];
  int32_t tokens[kMostDraftTokens];
  int32_t count;

  __device__ void clear_seen() {
    for (int word = threadIdx.x; word < kWords; word += blockDim.x) seen[word] = 0;
  }
  __device__ void mark_seen() {
    for (int32_t i = threadIdx.x; i < count; i += blockDim.x) {
      const uint32_t vector = uint32_t(tokens[i]) / 4;
      atomicOr(&seen[vector / 32 % kWords], 1u << vector % 32);
    }
  }
  __device__ bool may_have(uint32_t vector) const { return seen[vector / 32 % kWords] >> vector % 32 & 1; }
  __device__ bool has(int64_t token) const {
    for (int32_t i = 0; i < count; ++i) {
      if (tokens[i] == token) return true;
    }
    return false;
  }
};

// Of a segment, and of all up to its end. It may lie where a tree was before.
struct SegmentSums {
  double sum[kMostSegments], until[kMostSegments];
};

// A block's memory of a draw.
struct DrawMemory {
  SegmentSums* of;
  double of_warp[kDrawWarps];
  int32_t hit, last;
  int32_t token;
  Rejected rejected;
};

// What is drawn from. The draft may be null; then nothing is taken off, and nothing was rejected.
struct DrawnRow {
  const float *target, *draft;
  int64_t vocabulary, segment;

  __device__ int32_t segments() const { return int32_t((vocabulary + segment - 1) / segment); }
};

// A probability as it counts: what is NaN, negative or so large that a sum of 2^31 of them may not be finite is none.
__device__ __forceinline__ float mass_of(float x) { return x > 0.f && x <= 0x1p96f ? x : 0.f; }

// A sum of floats whose error is kept beside it: Knuth, TAOCP 2, section 4.2.2, theorem B. As exact as fp64, which older
// GPUs have at a sixty-fourth of the speed.
struct ExactSum {
  float high = 0.f, low = 0.f;

  __device__ __forceinline__ void add(float x) {
    const float sum = __fadd_rn(high, x), added = __fsub_rn(sum, high);
    low = __fadd_rn(low, __fadd_rn(__fsub_rn(high, __fsub_rn(sum, added)), __fsub_rn(x, added)));
    high = sum;
  }
  __device__ __forceinline__ double value() const { return double(high) + double(low); }
};

// Four tokens of a row, zero behind its end.
__device__ __forceinline__ float4 four_of(const float* row, int64_t first, int64_t vocabulary, bool is_aligned) {
  if (is_aligned && first + 4 <= vocabulary) return *reinterpret_cast<const float4*>(row + first);
  float4 four{0.f, 0.f, 0.f, 0.f};
  if (first < vocabulary) four.x = row[first];
  if (first + 1 < vocabulary) four.y = row[first + 1];
  if (first + 2 < vocabulary) four.z = row[first + 2];
  if (first + 3 < vocabulary) four.w = row[first + 3];
  return four;
}

__device__ __forceinline__ bool is_aligned(const float* row) { return reinterpret_cast<uintptr_t>(row) % 16 == 0; }

// The masses of four tokens.
__device__ __forceinline__ float4 masses(float4 target, float4 draft) {
  return {fmaxf(mass_of(target.x) - mass_of(draft.x), 0.f), fmaxf(mass_of(target.y) - mass_of(draft.y), 0.f),
          fmaxf(mass_of(target.z) - mass_of(draft.z), 0.f), fmaxf(mass_of(target.w) - mass_of(draft.w), 0.f)};
}

__device__ __forceinline__ void take_off(const Rejected& rejected, int64_t first, float4& mass) {
  if (!rejected.may_have(uint32_t(first / 4))) return;
  if (rejected.has(first)) mass.x = 0.f;
  if (rejected.has(first + 1)) mass.y = 0.f;
  if (rejected.has(first + 2)) mass.z = 0.f;
  if (rejected.has(first + 3)) mass.w = 0.f;
}

// Calls `use` with a lane's four masses of each group of a segment, in order.
template <typename Use>
__device__ __forceinline__ void each_group(const DrawnRow& row, const Rejected& rejected, int64_t segment, const Use& use) {
  const bool by_vectors = is_aligned(row.target) && (row.draft == nullptr || is_aligned(row.draft));
  const int64_t begin = segment * row.segment, end = min(begin + row.segment, row.vocabulary);
  for (int64_t start = begin; start < end; start += kHeldVectors * kGroup) {
    const int64_t first = start + threadIdx.x % 32 * 4;
    float4 target[kHeldVectors], draft[kHeldVectors];
#pragma unroll
    for (int i = 0; i < kHeldVectors; ++i) {
      target[i] = four_of(row.target, first + i * kGroup, row.vocabulary, by_vectors);
      draft[i] = row.draft == nullptr ? float4{0.f, 0.f, 0.f, 0.f}
                                      : four_of(row.draft, first + i * kGroup, row.vocabulary, by_vectors);
    }
#pragma unroll
    for (int i = 0; i < kHeldVectors; ++i) {
      float4 mass = masses(target[i], draft[i]);
      if (row.draft != nullptr) take_off(rejected, first + i * kGroup, mass);
      use(first + i * kGroup, mass);
    }
  }
}

__device__ __forceinline__ double scan_of_warp(double value) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int offset = 1; offset < 32; offset *= 2) {
    const double before = __shfl_up_sync(~0u, value, offset);
    if (lane >= offset) value += before;
  }
  return value;
}

// Sums segments, each by one warp of those of several blocks. It is called from two places, and large.
__device__ __noinline__ void sum_segments(DrawnRow row, const DrawMemory& memory, int block, int blocks, double* sums) {
  const int32_t segments = row.segments();
  const int lane = threadIdx.x % 32;
  for (int32_t segment = block * kDrawWarps + threadIdx.x / 32; segment < segments; segment += blocks * kDrawWarps) {
    ExactSum of_lane;
    each_group(row, memory.rejected, segment, [&](int64_t, const float4& mass) {
      of_lane.add(mass.x);
      of_lane.add(mass.y);
      of_lane.add(mass.z);
      of_lane.add(mass.w);
    });
    double sum = of_lane.value();
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(~0u, sum, offset);
    if (lane == 0) sums[segment] = sum;
  }
}

// Sums up to the end of each segment, a thread for each, and returns the sum of all; of a block that has met.
__device__ __forceinline__ double sum_until(const DrawnRow& row, DrawMemory& memory) {
  const int32_t segments = row.segments();
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const double until = scan_of_warp(int32_t(threadIdx.x) < segments ? memory.of->sum[threadIdx.x] : 0.);
  if (lane == 31) memory.of_warp[warp] = until;
  __syncthreads();
  double before = 0., all = 0.;
  for (int other = 0; other < kDrawWarps; ++other) {
    if (other < warp) before += memory.of_warp[other];
    all += memory.of_warp[other];
  }
  memory.of->until[threadIdx.x] = before + until;
  return all;
}

// The first segment that has a mass and ends beyond the number, or the last that has a mass; of the whole block.
__device__ __forceinline__ int32_t find_segment(double number, int32_t segments, DrawMemory& memory) {
  if (threadIdx.x == 0) {
    memory.hit = kNoSegment;
    memory.last = 0;
  }
  __syncthreads();
  const int32_t segment = threadIdx.x;
  if (segment < segments && memory.of->sum[segment] > 0.) {
    atomicMax(&memory.last, segment);
    if (memory.of->until[segment] > number) atomicMin(&memory.hit, segment);
  }
  __syncthreads();
  return memory.hit == kNoSegment ? memory.last : memory.hit;
}

// Of a segment, the first token that has a mass and up to which the sum is more than the number, or the last that has a
// mass; of one warp, in which every lane returns it.
__device__ __forceinline__ int64_t find_token(const DrawnRow& row, const Rejected& rejected, int32_t segment, double before,
                                              double number) {
  int64_t hit = -1, last = 0;
  each_group(row, rejected, segment, [&](int64_t first, const float4& mass) {
    const double m[4] = {mass.x, mass.y, mass.z, mass.w};
    const double of_lane = m[0] + m[1] + m[2] + m[3], until = scan_of_warp(of_lane);
    double sum = before + (until - of_lane);
    int own = -1, own_last = -1;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sum += m[i];
      if (m[i] > 0.) {
        own_last = i;
        if (own < 0 && sum > number) own = i;
      }
    }
    const uint32_t hits = __ballot_sync(~0u, own >= 0), lasts = __ballot_sync(~0u, own_last >= 0);
    if (hit < 0 && hits != 0) hit = __shfl_sync(~0u, first + own, __ffs(int(hits)) - 1);
    if (lasts != 0) last = __shfl_sync(~0u, first + own_last, 31 - __clz(int(lasts)));
    before += __shfl_sync(~0u, until, 31);
  });
  return hit < 0 ? last : hit;
}

// Draws by a number from 0 to less than 1, of a block that has met and the sums of all segments. Where nothing is left
// when the draft is taken off, from the target alone, and where that has no mass either, the last token. Every thread of
// the block returns it.
__device__ __forceinline__ int64_t draw_token(DrawnRow row, double coin, DrawMemory& memory) {
  double all;
#pragma unroll 1
  while ((all = sum_until(row, memory)) == 0.) {
    if (row.draft == nullptr) return row.vocabulary - 1;
    row.draft = nullptr;
    __syncthreads();
    sum_segments(row, memory, 0, 1, memory.of->sum);
    __syncthreads();
  }
  const double number = coin * all;
  const int32_t segment = find_segment(number, row.segments(), memory);
  if (threadIdx.x < 32) {
    const double before = segment == 0 ? 0. : memory.of->until[segment - 1];
    const int64_t token = find_token(row, memory.rejected, segment, before, number);
    if (threadIdx.x == 0) memory.token = int32_t(token);
  }
  __syncthreads();
  return memory.token;
}

}  // namespace warpwright
