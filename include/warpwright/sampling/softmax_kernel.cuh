// Softmax of rows of logits, each of a block or of a cluster of them. A row is held in registers; what is too long for
// that is read twice.
#pragma once

#include <cfloat>

#include "warpwright/block_cluster.cuh"
#include "warpwright/dependent_launch.cuh"
#include "warpwright/sampling/block_sum.cuh"
#include "warpwright/sampling/renorm_problem.h"
#include "warpwright/sampling/softmax_plan.h"
#include "warpwright/sampling/weights.cuh"

namespace warpwright {

struct SoftmaxShared {
  double sums[kRowWarps];
  float maxima[kRowWarps];
  float largest;  // of this block, for the others
  double sum;
  bool has_nan;
};

// e^((logit - largest) / temperature). A temperature of 0 is the limit: the largest logits share all.
class Cooled {
 public:
  __device__ explicit Cooled(float temperature)
      : sign_(temperature < 0.0f ? -1.0f : 1.0f),
        inverse_(fabsf(1.0f / temperature)),
        frozen_(fabsf(temperature) < FLT_MIN) {}

  __device__ bool frozen() const { return frozen_; }

  __device__ __forceinline__ float turned(float logit) const { return logit * sign_; }

  __device__ __forceinline__ float weight(float turned, float largest) const {
    if (frozen_ || turned == largest) return turned == largest ? 1.0f : 0.0f;
    return exp_of_negative((turned - largest) * inverse_);
  }

  // As in torch: the row is NaN where a logit is NaN, or the largest one infinite.
  __device__ bool has_result(float largest) const { return frozen_ || fabsf(largest) < INFINITY; }

 private:
  float sign_, inverse_;
  bool frozen_;
};

// The weights of this thread's logits, relative to their largest.
struct CooledMass {
  float largest = -INFINITY, sum = 0.0f;
  bool has_nan = false;

  // Adds what is turned already; NaN counts for nothing.
  template <int kCount>
  __device__ __forceinline__ void add(const Cooled& cooled, const float (&turned)[kCount]) {
    float most = largest;
#pragma unroll
    for (int i = 0; i < kCount; ++i) most = fmaxf(most, turned[i]);
    if (most > largest) {
      sum *= cooled.weight(largest, most);
      largest = most;
    }
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      sum += turned[i] > -INFINITY || cooled.frozen() ? cooled.weight(turned[i], largest) : 0.0f;
    }
  }
};

template <typename T>
__device__ RowScores<T> logits_of(const SoftmaxProblem& problem, int64_t index) {
  const T* start = static_cast<const T*>(problem.logits) + index * problem.row_stride;
  return {start, int(problem.classes), reinterpret_cast<uintptr_t>(start) % 16 == 0};
}

// The largest logit of all blocks of a row, and whether one is NaN.
__device__ inline float largest_of_cluster(float largest, bool& has_nan, int blocks, SoftmaxShared& shared) {
  largest = block_max(largest, shared.maxima);
  has_nan = __syncthreads_or(has_nan);
  if (threadIdx.x == 0) {
    shared.largest = largest;
    shared.has_nan = has_nan;
  }
  BlockCluster::meet();
#pragma unroll
  for (int rank = 0; rank < kMostBlocksOfRow; ++rank) {
    if (rank >= blocks) break;
    largest = fmaxf(largest, *BlockCluster::of(rank, &shared.largest));
    has_nan |= *BlockCluster::of(rank, &shared.has_nan);
  }
  return largest;
}

__device__ inline double sum_of_cluster(float sum, int blocks, SoftmaxShared& shared) {
  const double of_block = block_sum<double>(sum, shared.sums);
  if (threadIdx.x == 0) shared.sum = of_block;
  BlockCluster::meet();
  double all = 0.0;
#pragma unroll
  for (int rank = 0; rank < kMostBlocksOfRow; ++rank) {
    if (rank < blocks) all += *BlockCluster::of(rank, &shared.sum);
  }
  BlockCluster::meet();  // no block may end while another reads of it
  return all;
}

// A block's part of a row, in whole chunks.
template <typename T>
__device__ __forceinline__ RowScores<T> part_of(const RowScores<T>& row, int rank, int blocks) {
  constexpr int kChunk = RowScores<T>::kChunk;
  const int chunks = (row.classes + kChunk - 1) / kChunk, of_block = (chunks + blocks - 1) / blocks * kChunk;
  const int first = min(rank * of_block, row.classes);
  return {row.start + first, min(of_block, row.classes - first), row.aligned};
}

// Blocks that an SM has threads for: 1024 on SM 7.5, 2048 on 8.0 and 9.0; 8.6 and 8.9 have 1536 for one.
#if defined(__CUDA_ARCH__) && (__CUDA_ARCH__ == 800 || __CUDA_ARCH__ >= 900)
constexpr int kRowBlocksOfSm = 2;
#else
constexpr int kRowBlocksOfSm = 1;
#endif

template <typename T>
__global__ void __launch_bounds__(kRowThreads, kRowBlocksOfSm) softmax_kernel(SoftmaxProblem problem) {
  constexpr int kChunk = RowScores<T>::kChunk, kAhead = 8 / kChunk;  // in flight, for two blocks' registers
  wait_for_earlier_kernels();
  __shared__ SoftmaxShared shared;
  const int blocks = BlockCluster::size();
  const int64_t index = blockIdx.x / blocks;
  const RowScores<T> row = logits_of<T>(problem, index), part = part_of(row, BlockCluster::rank(), blocks);
  const float temperature = number_of(problem.temperature, index);
  const Cooled cooled(temperature);
  CooledMass mass;
  part.template for_each_chunk<kAhead>(false, [&](const Vector<T, kChunk>& read, int first) {
    float turned[kChunk];
#pragma unroll
    for (int i = 0; i < kChunk; ++i) {
      turned[i] = cooled.turned(to_float(read.at[i]));
      mass.has_nan |= turned[i] != turned[i] && first + i < part.classes;
    }
    mass.add(cooled, turned);
  });
  bool has_nan = mass.has_nan;
  const float largest = largest_of_cluster(mass.largest, has_nan, blocks, shared);
  const float own = mass.sum == 0.0f ? 0.0f : mass.sum * cooled.weight(mass.largest, largest);
  const double sum = sum_of_cluster(own, blocks, shared);
  has_nan |= temperature != temperature || !cooled.has_result(largest);
  const float whole = has_nan ? NAN : float(sum);
  write_row(part, problem.out + index * problem.classes + (part.start - row.start),
            [&](float logit) { return cooled.weight(cooled.turned(logit), largest) / whole; });
}

// Writes numbers times a factor, those that are in the row.
template <int kSize>
__device__ __forceinline__ void write_floats(const float (&of)[kSize], float factor, int first, int classes,
                                             float* out) {
  float scaled[kSize];
#pragma unroll
  for (int i = 0; i < kSize; ++i) scaled[i] = of[i] * factor;
  if (reinterpret_cast<uintptr_t>(out) % 16 == 0 && first + kSize <= classes) {
    write_vector(out + first, scaled);
    return;
  }
#pragma unroll
  for (int i = 0; i < kSize; ++i) {
    if (first + i < classes) out[first + i] = scaled[i];
  }
}

// Chunks of a row that the threads of all its blocks have in turn.
template <typename T, int kHeld>
struct HeldLogits {
  static constexpr int kChunk = RowScores<T>::kChunk;

  const RowScores<T>& row;
  const int first, distance;  // of this thread's chunks
  float of[kHeld][kChunk];    // logits, and then their weights

  __device__ HeldLogits(const RowScores<T>& row, int rank, int blocks)
      : row(row), first((rank * kRowThreads + int(threadIdx.x)) * kChunk), distance(blocks * kRowThreads * kChunk) {
    Vector<T, kChunk> read[kHeld];
#pragma unroll
    for (int step = 0; step < kHeld; ++step) read[step] = row.chunk(first_of(step));
#pragma unroll
    for (int step = 0; step < kHeld; ++step) {
#pragma unroll
      for (int i = 0; i < kChunk; ++i) of[step][i] = to_float(read[step].at[i]);
    }
  }

  __device__ int first_of(int step) const { return first + step * distance; }

  template <typename Each>
  __device__ __forceinline__ void for_each(const Each& each) {
#pragma unroll
    for (int step = 0; step < kHeld; ++step) {
#pragma unroll
      for (int i = 0; i < kChunk; ++i) each(of[step][i], first_of(step) + i);
    }
  }

  __device__ __forceinline__ void write(float* out, float factor) const {
#pragma unroll
    for (int step = 0; step < kHeld; ++step) {
      write_floats(of[step], factor, first_of(step), row.classes, out);
    }
  }
};

template <typename T, int kHeld>
__global__ void __launch_bounds__(kRowThreads) softmax_held_kernel(SoftmaxProblem problem) {
  wait_for_earlier_kernels();
  __shared__ SoftmaxShared shared;
  const int blocks = BlockCluster::size();
  const int64_t index = blockIdx.x / blocks;
  const RowScores<T> row = logits_of<T>(problem, index);
  const float temperature = number_of(problem.temperature, index);
  const Cooled cooled(temperature);
  HeldLogits<T, kHeld> held(row, BlockCluster::rank(), blocks);
  float largest = -INFINITY, sum = 0.0f;
  bool has_nan = false;
  held.for_each([&](float& logit, int at) {
    has_nan |= logit != logit && at < row.classes;
    logit = cooled.turned(logit);
    largest = fmaxf(largest, logit);
  });
  largest = largest_of_cluster(largest, has_nan, blocks, shared);
  held.for_each([&](float& logit, int) {
    logit = logit == logit ? cooled.weight(logit, largest) : 0.0f;
    sum += logit;
  });
  const double all = sum_of_cluster(sum, blocks, shared);
  has_nan |= temperature != temperature || !cooled.has_result(largest);
  held.write(problem.out + index * problem.classes, has_nan ? NAN : float(1.0 / all));
}

}  // namespace warpwright
