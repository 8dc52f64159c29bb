// A scaled matrix product for few tokens on sm_90a, where all the time goes into reading the weights once.
#pragma once

#include "warpwright/launch_kernel.cuh"
#include "warpwright/gemm/scaled_mm.h"
#include "warpwright/gemm/scaled_mm_tiles_sm90a.h"
#include "warpwright/gemm/streaming_tile.cuh"
#include "warpwright/gemm/tensor_map.h"

namespace warpwright::streaming {

struct Params {
  ScaledMmProblem problem;
  int k_steps = 0;  // stages' worth of k
  int stages = 0;
};

// A warpgroup: multiplies what arrives. The stage before the current one is given back once its products are done.
template <typename Tile, int kSize>
__device__ __forceinline__ void consume(typename Tile::Sum (&sums)[kSize], Header& header, const uint8_t* stages,
                                        int count, int steps) {
  const int warpgroup = threadIdx.x / 128;
  Slot slot;
  int previous = -1;
  fence_sums(sums);
  for (int step = 0; step < steps; ++step) {
    cutlass::arch::ClusterBarrier::wait(&header.full[slot.stage], slot.phase);
    const uint8_t* weights = stages + slot.stage * Tile::kStageBytes;
    const uint8_t* tokens = weights + Tile::kBoxes * Tile::kWeightBytes;
    cute::warpgroup_arrive();
#pragma unroll
    for (int box = 0; box < Tile::kBoxes; ++box) {
      multiply_box<typename Tile::Element, Tile::kTokens>(
          sums, weights + box * Tile::kWeightBytes + warpgroup * 64 * kSwizzleBytes, tokens + box * Tile::kTokenBytes);
    }
    cute::warpgroup_commit_batch();
    cute::warpgroup_wait<1>();
    if (previous >= 0) release(&header.empty[previous]);
    previous = slot.stage;
    slot.advance(count);
  }
  cute::warpgroup_wait<0>();
  fence_sums(sums);
}

// What one thread of the last step needs for its four weights, which are the same for all of its tokens.
struct WeightScales {
  float scale[4] = {}, bias[4] = {};

  __device__ __forceinline__ WeightScales(const ScaledMmProblem& p, int64_t n) {
    if (n >= p.n) return;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      scale[i] = p.scale_b.data[p.scale_b.per_tensor ? 0 : n + i];
      if (p.bias == nullptr) continue;
      bias[i] = p.out_dtype == Dtype::kFloat16 ? float(static_cast<const cutlass::half_t*>(p.bias)[n + i])
                                               : float(static_cast<const cutlass::bfloat16_t*>(p.bias)[n + i]);
    }
  }
};

// Scales the sums of the tile, and writes the output.
template <typename Tile>
__device__ __forceinline__ void write_scaled(const uint8_t* received, const Header& header, const WeightScales& weights,
                                             const ScaledMmProblem& p, const Place<Tile>& at, int tokens) {
  finish<Tile>(received, at, tokens, [&](int token, int weight, const typename Tile::Sum(&total)[4]) {
    if (at.n + weight >= p.n) return;
    const float scale_a = header.scale_a[token];
    float value[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) value[i] = fmaf(scale_a, as_float(total[i]) * weights.scale[i], weights.bias[i]);
    store_out(p.out, p.out_dtype, (int64_t(at.m) + token) * p.n + at.n + weight, value);
  });
}

template <typename Tile>
__global__ void __launch_bounds__(Tile::kConsumers + 32)
    scaled_mm(const __grid_constant__ CUtensorMap weights, const __grid_constant__ CUtensorMap tokens,
              const __grid_constant__ Params params) {
  if constexpr (!Tile::kInStages) cute::cluster_arrive_relaxed();  // from here, the others may write to this CTA
  extern __shared__ uint8_t shared[];
  uint8_t* stages = align_for_swizzle(shared);
  Header& header = *reinterpret_cast<Header*>(stages);
  stages += Tile::kHeaderBytes;
  uint8_t* received = Tile::kInStages ? stages : stages + params.stages * Tile::kStageBytes;
  const ScaledMmProblem& p = params.problem;
  const Place<Tile> at(p.m);
  const int begin = at.first_step(params.k_steps), end = at.last_step(params.k_steps), count = at.tokens(p.m);

  const Producer<Tile> producer{weights, tokens, header, stages, at};
  const bool consumes = threadIdx.x < Tile::kConsumers, produces = threadIdx.x == Tile::kConsumers;
  if (produces) producer.start(params.stages, 1, begin, end);
  __syncthreads();

  if (consumes) {
    const WeightScales scales(p, int64_t(at.n) + threadIdx.x % (Tile::kWeights / 4) * 4);
    float scale_a = 0;
    if (threadIdx.x < count) scale_a = p.scale_a.data[p.scale_a.per_tensor ? 0 : int64_t(at.m) + threadIdx.x];
    typename Tile::Sum sums[Tile::kTokens / 2] = {};
    consume<Tile>(sums, header, stages, params.stages, end - begin);
    if (threadIdx.x < count) header.scale_a[threadIdx.x] = scale_a;
    if constexpr (Tile::kInStages) cute::cluster_arrive();
    cute::cluster_wait();
    send_sums<Tile>(sums, received, at, count);
    cute::cluster_sync();
    write_scaled<Tile>(received, header, scales, p, at, count);
  } else {
    if (produces) producer.run(params.stages, begin, end);
    __syncwarp();
    if constexpr (Tile::kInStages) cute::cluster_arrive();
    cute::cluster_wait();
    cute::cluster_sync();
  }
}

template <typename Tile>
Status launch(const ScaledMmProblem& p, const Device& device, const Sm90aPlan& plan, cudaStream_t stream) {
  static_assert(Tile::shared_memory(3, 2) ==
                sm90a::streaming_shared_memory({"", Sm90aKernel::kStreaming, Tile::kWeights, Tile::kTokens, Tile::kBoxes,
                                                0, 0, 0, 0}, 3, 2));
  if (!sm90a::can_stream(plan)) return Status::refused("this tile does not fit the device's shared memory");
  CUtensorMap weights, tokens;
  Status status = make_byte_matrix_map(&weights, p.b, p.n, p.k, p.ldb, Tile::kWeights);
  if (status.ok()) status = make_byte_matrix_map(&tokens, p.a, p.m, p.k, p.lda, Tile::kTokens);
  if (!status.ok()) return status;

  constexpr int64_t kStep = kSwizzleBytes * Tile::kBoxes;
  const Params params{p, int((p.k + kStep - 1) / kStep), plan.stages};
  const LaunchShape shape{grid_of<Tile>(p.m, p.n, plan.split), Tile::kConsumers + 32, plan.shared_memory, plan.split};
  return launch_kernel<scaled_mm<Tile>>(device, shape, stream, weights, tokens, params);
}

}  // namespace warpwright::streaming
