// Softmax of rows of logits: a block for each row.
#pragma once

#include <cfloat>

#include "warpwright/dependent_launch.cuh"
#include "warpwright/sampling/block_sum.cuh"
#include "warpwright/sampling/renorm_problem.h"
#include "warpwright/sampling/weights.cuh"

namespace warpwright {

struct SoftmaxShared {
  double sums[kRowWarps];
  float maxima[kRowWarps];
};

// e^((logit - largest) / temperature). A temperature of 0 is the limit: the largest logits share all.
class Cooled {
 public:
  __device__ explicit Cooled(float temperature)
      : sign_(temperature < 0.0f ? -1.0f : 1.0f),
        inverse_(fabsf(1.0f / temperature)),
        frozen_(fabsf(temperature) < FLT_MIN) {}

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

  __device__ __forceinline__ void add(const Cooled& cooled, float logit) {
    const float turned = cooled.turned(logit);
    if (turned > largest) {
      sum *= cooled.weight(largest, turned);
      largest = turned;
    }
    sum += turned > -INFINITY ? cooled.weight(turned, largest) : 0.0f;
  }
};

template <typename T>
__global__ void __launch_bounds__(kRowThreads) softmax_kernel(SoftmaxProblem problem) {
  wait_for_earlier_kernels();
  __shared__ SoftmaxShared shared;
  const int64_t index = blockIdx.x;
  const T* start = static_cast<const T*>(problem.logits) + index * problem.row_stride;
  const RowScores<T> row{start, int(problem.classes), reinterpret_cast<uintptr_t>(start) % 16 == 0};
  const float temperature = number_of(problem.temperature, index);
  const Cooled cooled(temperature);
  CooledMass mass;
  row.for_each(false, [&](float logit, int at) {
    mass.add(cooled, logit);
    mass.has_nan |= logit != logit && at < row.classes;
  });
  const float largest = block_max(mass.largest, shared.maxima);
  const float own = mass.sum == 0.0f ? 0.0f : mass.sum * cooled.weight(mass.largest, largest);
  const double sum = block_sum<double>(own, shared.sums);
  const bool has_nan = __syncthreads_or(mass.has_nan) || temperature != temperature || !cooled.has_result(largest);
  const float whole = has_nan ? NAN : float(sum);
  write_row(row, problem.out + index * problem.classes,
            [&](float logit) { return cooled.weight(cooled.turned(logit), largest) / whole; });
}

}  // namespace warpwright
