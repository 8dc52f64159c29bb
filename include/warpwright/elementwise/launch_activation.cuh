// Launches of the activations.
#pragma once

#include "warpwright/elementwise/activation.cuh"
#include "warpwright/launch_kernel.cuh"

namespace warpwright {

// The same elements in as few rows as there can be: one where they are adjacent.
inline ActivationProblem in_fewest_rows(ActivationProblem p, bool gates) {
  if (!gates && p.input_stride == p.hidden && p.out_stride == p.hidden) {
    p.hidden *= p.rows;
    p.rows = 1;
  }
  if (p.rows == 1) p.input_stride = p.out_stride = 0;
  return p;
}

template <typename T, int kSize>
bool activation_takes(const ActivationProblem& p) {
  return takes_vectors<T, kSize>(p.input, p.input_stride, p.hidden) &&
         takes_vectors<T, kSize>(p.out, p.out_stride, p.hidden);
}

template <Activate* kActivate, bool kGates, typename T, int kSize, int kHeld>
Status launch_activation(const ActivationProblem& p, int threads, cudaStream_t stream) {
  ActivationWork work{p.out, p.input, p.out_stride, p.input_stride, p.hidden};
  const int64_t row = p.hidden / kSize, block = threads * kHeld;
  work.vectors = p.rows * row;
  work.row = Divider(row);
  LaunchShape shape{blocks_in_turns((work.vectors + block - 1) / block), threads};
  shape.dependent = p.dependent;
  return launch_kernel<activation_kernel<kActivate, kGates, T, kSize, kHeld>>(shape, stream, work);
}

template <Activate* kActivate, bool kGates>
Status launch_activation(const ActivationProblem& problem, const Device& device, cudaStream_t stream) {
  const ActivationProblem p = in_fewest_rows(problem, kGates);
  return with_float_type(p.dtype, [&](auto element) {
    using T = decltype(element);
    constexpr int kFull = kFullVector<T>, kNarrow = 4 / sizeof(T), kHeld = kActivationLoads / (kGates ? 2 : 1);
    const int fits = activation_takes<T, kFull>(p) ? kFull : activation_takes<T, kNarrow>(p) ? kNarrow : 1;
    const ActivationPlan plan = plan_activation(p.rows * p.hidden, fits, kFull, kNarrow, device.sm_count);
    if (plan.holds_many) return launch_activation<kActivate, kGates, T, kFull, kHeld>(p, plan.threads, stream);
    if (plan.size == kFull) return launch_activation<kActivate, kGates, T, kFull, 1>(p, plan.threads, stream);
    if (plan.size == kNarrow) return launch_activation<kActivate, kGates, T, kNarrow, 1>(p, plan.threads, stream);
    return launch_activation<kActivate, kGates, T, 1, 1>(p, plan.threads, stream);
  });
}

}  // namespace warpwright
