// Kernels that put elements in the order of their experts: each block counts, or reads what was counted, for all experts,
// and gives the elements of its chunk their places.
#pragma once

#include "warpwright/dependent_launch.cuh"
#include "warpwright/moe/expert_order_plan.h"
#include "warpwright/moe/expert_order_sinks.cuh"

namespace warpwright {

// What the launcher makes of a problem.
struct ExpertOrderWork {
  ExpertOrderProblem problem;
  int32_t chunk = 0;
  int32_t warps = 0;
  int32_t* counts = nullptr;  // of each chunk for each expert; null where blocks count alone
};

// The experts of kCount elements, `distance` apart, -1 where one has none: an id beyond the experts, or an element beyond
// the end. All ids are on their way before the first is looked at.
template <typename Id, int kCount>
__device__ __forceinline__ void read_experts(const Id* ids, const ExpertOrderProblem& p, int32_t first, int32_t distance,
                                             int32_t end, int32_t (&expert)[kCount]) {
  Id id[kCount];
#pragma unroll
  for (int i = 0; i < kCount; ++i) id[i] = first + i * distance < end ? ids[first + i * distance] : Id(p.least_id - 1);
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    expert[i] = id[i] >= p.least_id && id[i] < p.experts + p.first_id ? int32_t(id[i]) - p.first_id : -1;
  }
}

template <int kCount>
__device__ __forceinline__ void read_experts(const ExpertOrderProblem& p, int32_t first, int32_t distance, int32_t end,
                                             int32_t (&expert)[kCount]) {
  if (p.id_dtype == Dtype::kInt64) {
    read_experts(static_cast<const int64_t*>(p.ids), p, first, distance, end, expert);
  } else {
    read_experts(static_cast<const int32_t*>(p.ids), p, first, distance, end, expert);
  }
}

// Shared memory of a block.
struct ExpertCounts {
  int32_t *total, *place, *start, *warp_sums;  // of each expert: its elements, where this block's next one goes, where it begins
  int16_t* of_warp;                            // of each warp for each expert
  int32_t stride;                              // of of_warp, even

  __device__ ExpertCounts(int32_t* memory, int32_t experts)
      : total(memory),
        place(total + experts),
        start(place + experts),
        warp_sums(start + experts + 1),
        of_warp(reinterpret_cast<int16_t*>(warp_sums + kOrderWarpSums)),
        stride(experts + experts % 2) {}
};

__device__ __forceinline__ void clear_words(int32_t* words, int32_t count) {
#pragma unroll 1
  for (int32_t i = threadIdx.x; i < count; i += blockDim.x) words[i] = 0;
}

// Counts the elements before this block's chunk, which make its places, and the others.
__device__ __forceinline__ void count_elements(const ExpertOrderProblem& p, const ExpertCounts& counts, int32_t first) {
#pragma unroll 1
  for (int32_t turn = threadIdx.x; turn < p.elements; turn += kOrderCounted * int32_t(blockDim.x)) {
    int32_t expert[kOrderCounted];
    read_experts(p, turn, blockDim.x, p.elements, expert);
#pragma unroll
    for (int i = 0; i < kOrderCounted; ++i) {
      const bool is_before = turn + i * int32_t(blockDim.x) < first;
      if (expert[i] >= 0) atomicAdd((is_before ? counts.place : counts.total) + expert[i], 1);
    }
  }
}

// The same from what was counted before: threads share the chunks of an expert.
__device__ __forceinline__ void add_counts(const ExpertOrderWork& work, const ExpertCounts& counts) {
  const int32_t experts = work.problem.experts, chunks = gridDim.x;
  const int32_t width = min((experts + 31) / 32 * 32, int32_t(blockDim.x)), parts = blockDim.x / width;
  const int32_t part = threadIdx.x / width;
  if (part >= parts) return;
#pragma unroll 1
  for (int32_t expert = threadIdx.x % width; expert < experts; expert += width) {
    int32_t before = 0, others = 0;
#pragma unroll 1
    for (int32_t chunk = part; chunk < chunks; chunk += kOrderCounted * parts) {
      int32_t count[kOrderCounted];
#pragma unroll
      for (int i = 0; i < kOrderCounted; ++i) {
        const int32_t other = chunk + i * parts;
        count[i] = other < chunks ? work.counts[int64_t{other} * experts + expert] : 0;
      }
#pragma unroll
      for (int i = 0; i < kOrderCounted; ++i) {
        (chunk + i * parts < int32_t(blockIdx.x) ? before : others) += count[i];
      }
    }
    atomicAdd(counts.place + expert, before);
    atomicAdd(counts.total + expert, others);
  }
}

// Ranks of a warp's elements among those of the same expert that the warp has in this turn.
__device__ __forceinline__ void rank_elements(const ExpertOrderProblem& p, int16_t* of_warp, int32_t first, int32_t end,
                                              int32_t (&expert)[kOrderHeld], int32_t (&rank)[kOrderHeld]) {
  const int lane = threadIdx.x % 32;
  unsigned same[kOrderHeld];
  read_experts(p, first + lane, 32, end, expert);
#pragma unroll
  for (int i = 0; i < kOrderHeld; ++i) same[i] = __match_any_sync(0xffffffff, expert[i]);
#pragma unroll
  for (int i = 0; i < kOrderHeld; ++i) {
    const int before = __popc(same[i] & ((1u << lane) - 1));
    const int32_t prior = expert[i] < 0 ? 0 : of_warp[expert[i]];
    rank[i] = prior + before;
    __syncwarp();
    if (before == 0 && expert[i] >= 0) of_warp[expert[i]] = int16_t(prior + __popc(same[i]));
    __syncwarp();
  }
}

// Counts of warps become distances from the place behind this turn's last element of the expert, which is the new place.
__device__ __forceinline__ void place_warps(const ExpertCounts& counts, int32_t experts, int32_t warps) {
#pragma unroll 1
  for (int32_t expert = threadIdx.x; expert < experts; expert += blockDim.x) {
    int32_t sum = 0;
#pragma unroll 4
    for (int32_t warp = 0; warp < warps; ++warp) sum += counts.of_warp[warp * counts.stride + expert];
    counts.place[expert] += sum;
#pragma unroll 1
    for (int32_t warp = 0; warp < warps; ++warp) {
      int16_t& of_warp = counts.of_warp[warp * counts.stride + expert];
      const int32_t count = of_warp;
      of_warp = int16_t(-sum);
      sum -= count;
    }
  }
}

template <typename Sink>
__device__ __forceinline__ void order_chunk(const ExpertOrderWork& work, const Sink& sink, const ExpertCounts& counts,
                                            int32_t first, int32_t end) {
  const ExpertOrderProblem& p = work.problem;
  const int32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  int16_t* of_warp = counts.of_warp + warp * counts.stride;
#pragma unroll 1
  for (int32_t turn = first; turn < end; turn += work.warps * kOrderOfWarp) {
    const int32_t mine = turn + warp * kOrderOfWarp;
    int32_t expert[kOrderHeld], rank[kOrderHeld];
    if (warp < work.warps) rank_elements(p, of_warp, mine, end, expert, rank);
    __syncthreads();
    place_warps(counts, p.experts, work.warps);
    __syncthreads();
    if (warp < work.warps) {
#pragma unroll
      for (int i = 0; i < kOrderHeld; ++i) {
        const int32_t element = mine + i * 32 + lane;
        if (element >= end) continue;
        const bool has_place = expert[i] >= 0;
        const int32_t place = has_place ? counts.place[expert[i]] + of_warp[expert[i]] + rank[i] : -1;
        sink.put(element, place);
      }
    }
    if (turn + work.warps * kOrderOfWarp >= end) break;
    __syncthreads();
    clear_words(reinterpret_cast<int32_t*>(counts.of_warp), work.warps * counts.stride / 2);
    __syncthreads();
  }
}

template <typename Sink>
__global__ void __launch_bounds__(kOrderThreads, 1) order_experts_kernel(ExpertOrderWork work, Sink sink) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  extern __shared__ int32_t order_memory_of_block[];
  const ExpertOrderProblem& p = work.problem;
  const ExpertCounts counts(order_memory_of_block, p.experts);
  const int32_t first = min(int32_t(blockIdx.x) * work.chunk, p.elements), end = min(first + work.chunk, p.elements);
  clear_words(order_memory_of_block, 3 * p.experts + 1 + kOrderWarpSums + work.warps * counts.stride / 2);
  __syncthreads();
  if (work.counts == nullptr) {
    count_elements(p, counts, first);
  } else {
    add_counts(work, counts);
  }
  __syncthreads();
  scan_experts(
      p.experts, counts.warp_sums, [&](int32_t expert) { return sink.room(counts.total[expert] + counts.place[expert]); },
      [&](int32_t expert, int32_t start) {
        counts.start[expert] = start;
        if (expert == p.experts) return;
        counts.total[expert] += counts.place[expert];
        counts.place[expert] += start;
      });
  __syncthreads();
  sink.experts(counts.total, counts.start, counts.warp_sums, p);
  order_chunk(work, sink, counts, first, end);
}

// Counts the elements of each chunk for each expert.
template <int kThreads>
__global__ void __launch_bounds__(kThreads) count_experts_kernel(ExpertOrderWork work) {
  wait_for_earlier_kernels();
  let_later_kernels_start();
  extern __shared__ int32_t count_memory_of_block[];
  const ExpertOrderProblem& p = work.problem;
  const int32_t first = min(int32_t(blockIdx.x) * work.chunk, p.elements), end = min(first + work.chunk, p.elements);
  clear_words(count_memory_of_block, p.experts);
  __syncthreads();
#pragma unroll 1
  for (int32_t turn = first + threadIdx.x; turn < end; turn += kOrderCounted * kThreads) {
    int32_t expert[kOrderCounted];
    read_experts(p, turn, kThreads, end, expert);
#pragma unroll
    for (int i = 0; i < kOrderCounted; ++i) {
      if (expert[i] >= 0) atomicAdd(count_memory_of_block + expert[i], 1);
    }
  }
  __syncthreads();
  int32_t* counts = work.counts + int64_t{blockIdx.x} * p.experts;
#pragma unroll 1
  for (int32_t expert = threadIdx.x; expert < p.experts; expert += kThreads) counts[expert] = count_memory_of_block[expert];
}

}  // namespace warpwright
