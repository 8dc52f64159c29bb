// What is written of an order of experts: by moe_align_block_size, and by prepare_moe_input.
#pragma once

#include "warpwright/moe/expert_order.h"

namespace warpwright {

// The sums of `value` over all experts before each, handed to `put`, also for the one behind the last: the sum of all.
// All threads of the block come here; `warp_sums` are 32 words, and what `put` writes is there after the next barrier. A
// thread has the value of an expert before it puts, so `put` may write over that expert's.
template <typename Value, typename Put>
__device__ __forceinline__ void scan_experts(int32_t experts, int32_t* warp_sums, const Value& value, const Put& put) {
  const int32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const int32_t each = (experts + blockDim.x - 1) / blockDim.x;
  const int32_t first = threadIdx.x * each, end = min(first + each, experts);
  int32_t mine = 0;
#pragma unroll 1
  for (int32_t expert = first; expert < end; ++expert) mine += value(expert);
  int32_t sum = mine;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const int32_t other = __shfl_up_sync(0xffffffff, sum, distance);
    sum += lane >= distance ? other : 0;
  }
  if (lane == 31) warp_sums[warp] = sum;
  __syncthreads();
  int32_t of_warps = lane < warps && lane < warp ? warp_sums[lane] : 0;
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) of_warps += __shfl_xor_sync(0xffffffff, of_warps, distance);
  int32_t before = of_warps + sum - mine;
#pragma unroll 1
  for (int32_t expert = first; expert < end; ++expert) {
    const int32_t own = value(expert);
    put(expert, before);
    before += own;
  }
  if (first < experts && end == experts) put(experts, before);
}

// Writes elements to blocks of one expert each.
struct AlignSink {
  AlignOutputs out;
  int32_t elements;

  __device__ __forceinline__ int32_t room(int32_t count) const {
    const uint32_t size = out.block_size;
    return int32_t((uint32_t(count) + size - 1) / size * size);
  }

  __device__ __forceinline__ void put(int32_t element, int32_t place) const {
    if (place >= 0) out.sorted[place] = element;
  }

  // Each warp of the grid has experts of its own, a lane for each, of which it takes those with elements one by one.
  __device__ __forceinline__ void experts(const int32_t* total, const int32_t* start, int32_t*,
                                          const ExpertOrderProblem& p) const {
    const int32_t lane = threadIdx.x % 32, warps = blockDim.x / 32 * gridDim.x;
#pragma unroll 1
    for (int32_t first = threadIdx.x / 32 * gridDim.x + blockIdx.x; first < p.experts; first += 32 * warps) {
      const int32_t mine = first + lane * warps;
      unsigned has_elements = __ballot_sync(0xffffffff, mine < p.experts && total[mine] > 0);
#pragma unroll 1
      for (; has_elements != 0; has_elements &= has_elements - 1) {
        const int32_t expert = first + (__ffs(has_elements) - 1) * warps;
        write_blocks(expert + p.first_id, start[expert], total[expert], start[expert + 1]);
      }
    }
    write_whole(start, p.experts);
  }

  // A warp writes the blocks of an id, and what of them is padding.
  __device__ __forceinline__ void write_blocks(int32_t id, int32_t first, int32_t count, int32_t end) const {
    const int32_t lane = threadIdx.x % 32;
    const uint32_t size = out.block_size, end_block = uint32_t(end) / size;
#pragma unroll 1
    for (uint32_t block = uint32_t(first) / size + lane; block < end_block; block += 32) out.experts[block] = id;
    if (!out.pads) return;
#pragma unroll 1
    for (int32_t place = first + count + lane; place < end; place += 32) out.sorted[place] = elements;
  }

  __device__ __forceinline__ void write_whole(const int32_t* start, int32_t count) const {
    const int64_t thread = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, threads = int64_t{gridDim.x} * blockDim.x;
    if (thread == 0) *out.total = start[count];
#pragma unroll 1
    for (int64_t expert = thread; expert <= count; expert += threads) out.starts[expert] = start[expert];
    if (!out.pads) return;
#pragma unroll 1
    for (int64_t place = start[count] + thread; place < out.sorted_size; place += threads) out.sorted[place] = elements;
  }
};

// Writes both directions of the order, and the sizes of each expert's products.
struct PrepareSink {
  PrepareOutputs out;
  int32_t elements;

  __device__ __forceinline__ int32_t room(int32_t count) const { return count; }

  __device__ __forceinline__ void put(int32_t element, int32_t place) const {
    out.output_permutation[element] = place;
    if (place >= 0) out.input_permutation[place] = int32_t(uint32_t(element) / uint32_t(out.topk));
  }

  __device__ __forceinline__ void experts(const int32_t* total, const int32_t* start, int32_t* warp_sums,
                                          const ExpertOrderProblem& p) const {
    const int64_t thread = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, threads = int64_t{gridDim.x} * blockDim.x;
#pragma unroll 1
    for (int64_t place = start[p.experts] + thread; place < elements; place += threads) out.input_permutation[place] = -1;
    if (blockIdx.x != 0) return;
#pragma unroll 1
    for (int32_t expert = threadIdx.x; expert <= p.experts; expert += blockDim.x) {
      out.offsets[expert] = start[expert];
      if (expert < p.experts) write_sizes(expert, total[expert]);
    }
    if (out.scale_offsets == nullptr) return;
    scan_experts(
        p.experts, warp_sums, [&](int32_t expert) { return (total[expert] + 127) / 128 * 128; },
        [&](int32_t expert, int32_t before) { out.scale_offsets[expert] = before; });
  }

  __device__ __forceinline__ void write_sizes(int32_t expert, int32_t count) const {
    int32_t *first = out.sizes1 + 3 * expert, *second = out.sizes2 + 3 * expert;
    first[0] = count, first[1] = 2 * out.n, first[2] = out.k;
    second[0] = count, second[1] = out.k, second[2] = out.n;
  }
};

}  // namespace warpwright
