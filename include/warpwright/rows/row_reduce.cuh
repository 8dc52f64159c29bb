// Sums, and maxima of magnitudes, over the threads that share a row.
#pragma once

#include <cstdint>

namespace warpwright {

// Over `width` lanes side by side, a power of two.
template <typename Join>
__device__ __forceinline__ float over_lanes(float value, int width) {
  for (int offset = width / 2; offset > 0; offset /= 2) {
    value = Join::join(value, __shfl_xor_sync(0xffffffffu, value, offset));
  }
  return value;
}

// The same without a loop, whose counting takes longer than what is counted.
template <typename Join>
__device__ __forceinline__ float over_few_lanes(float value, int width) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    if (width > offset) value = Join::join(value, __shfl_xor_sync(0xffffffffu, value, offset));
  }
  return value;
}

struct Sum {
  __device__ static float join(float one, float other) { return one + other; }
  __device__ static float over_warp(float value) { return over_lanes<Sum>(value, 32); }
};

// The larger of two magnitudes; a NaN wins, as in torch. The bits of floats that are not negative are in their order, and
// behind those of infinity come the NaNs.
struct Max {
  __device__ __forceinline__ static float join(float one, float other) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    float larger;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(one), "f"(other));
    return larger;
#else
    return __uint_as_float(max(__float_as_uint(one), __float_as_uint(other)));
#endif
  }

  // One instruction from SM 8.0 on.
  __device__ __forceinline__ static float over_warp(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    return __uint_as_float(__reduce_max_sync(0xffffffffu, __float_as_uint(value)));
#else
    return over_lanes<Max>(value, 32);
#endif
  }
};

// The largest magnitude of kCount elements, a power of two, by halves: a maximum of each with the next would wait for
// itself.
template <int kFrom, int kCount, int kSize>
__device__ __forceinline__ float largest_among(const float (&x)[kSize]) {
  if constexpr (kCount == 1) {
    return fabsf(x[kFrom]);
  } else {
    return Max::join(largest_among<kFrom, kCount / 2>(x), largest_among<kFrom + kCount / 2, kCount / 2>(x));
  }
}

template <int kSize>
__device__ __forceinline__ float largest_of(const float (&x)[kSize]) {
  return largest_among<0, kSize>(x);
}

// A row has blockDim.x threads: a power of two of up to 32, of which a warp has several rows; or whole warps, and then
// the block has one row. Every thread of the block takes part in every call.
class RowReduce {
 public:
  template <typename Join>
  __device__ float over_row(float value) {
    if (blockDim.x <= 32) return over_lanes<Join>(value, blockDim.x);
    // Two sets of places take turns: a warp that is ahead writes to the one that nobody reads any more.
    __shared__ float of_warp[2][32];
    turn_ ^= 1;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    value = Join::over_warp(value);
    if (lane == 0) of_warp[turn_][warp] = value;
    __syncthreads();
    return Join::over_warp(lane < warps ? of_warp[turn_][lane] : 0.f);
  }

 private:
  int turn_ = 0;
};

}  // namespace warpwright
