// Cosines and sines of rotary embeddings: read from a cache, or computed.
#pragma once

#include <cstdint>

#include "warpwright/elementwise/rope.h"
#include "warpwright/vector.cuh"

namespace warpwright {

constexpr double kTurnsOfRadian = 0.15915494309189533577;  // 1 / (2 pi)

__device__ __forceinline__ int64_t read_index(const Indices& of, int64_t i) {
  return of.of_64_bits ? static_cast<const int64_t*>(of.at)[i] : int64_t{static_cast<const int32_t*>(of.at)[i]};
}

// Of an angle in turns. Whole turns go away in double, so that an angle of a million turns is as exact as one of none.
__device__ __forceinline__ void cos_sin_of(double turns, float& cos, float& sin) {
  sincospif(2.f * static_cast<float>(turns - rint(turns)), &sin, &cos);
}

// The frequencies of kSize pairs from `pair` on are known from the first one.
template <typename T, int kSize>
struct ComputedAngles {
  double first;

  __device__ ComputedAngles(const RopeProblem& p, int64_t pair) : first(exp2(-p.frequencies.octaves * double(pair))) {}

  __device__ __forceinline__ void read(const RopeProblem& p, int64_t position, float (&cos)[kSize],
                                       float (&sin)[kSize]) const {
    const RopeFrequencies& of = p.frequencies;
    const double turns = double(position) * kTurnsOfRadian;
    double frequency = first;
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      const double part = fmin(fmax(frequency * of.part_slope + of.part_offset, 0.), 1.);
      cos_sin_of(turns * (frequency * (part + (1. - part) * of.inverse_scale)), cos[i], sin[i]);
      frequency *= of.ratio;
    }
  }
};

template <typename T, int kSize>
__device__ __forceinline__ void read_cached(const RopeProblem& p, int64_t at, float (&to)[kSize]) {
  if (!p.cache_is_float32) return read_vector<T>(static_cast<const T*>(p.cos_sin_cache) + at, to);
  constexpr int kPart = kSize < 4 ? kSize : 4;  // of 16 bytes
#pragma unroll
  for (int begin = 0; begin < kSize; begin += kPart) {
    float part[kPart];
    read_vector<float>(static_cast<const float*>(p.cos_sin_cache) + at + begin, part);
#pragma unroll
    for (int i = 0; i < kPart; ++i) to[begin + i] = part[i];
  }
}

// A position behind the cache's end, or before its start, gives NaN: nothing is read there, and nobody overlooks it.
template <typename T, int kSize>
struct CachedAngles {
  int64_t pair;

  __device__ CachedAngles(const RopeProblem&, int64_t pair) : pair(pair) {}

  __device__ __forceinline__ void read(const RopeProblem& p, int64_t position, float (&cos)[kSize],
                                       float (&sin)[kSize]) const {
    if (position >= 0 && position < p.max_positions) {
      const int64_t at = position * p.rotary_dim + pair;
      read_cached<T>(p, at, cos);
      read_cached<T>(p, at + p.rotary_dim / 2, sin);
    } else {
#pragma unroll
      for (int i = 0; i < kSize; ++i) cos[i] = sin[i] = __int_as_float(0x7fc00000);
    }
  }
};

// The position of a token; false where the token belongs to no segment.
__device__ __forceinline__ bool find_position(const RopeProblem& p, int64_t token, int64_t& position) {
  if (p.indptr.at == nullptr) {
    position = read_index(p.positions, token);
    return true;
  }
  int64_t begun = 0, end = p.segments + 1;  // how many segments, and ends of the last, are at the token or before it
  while (begun < end) {
    const int64_t middle = (begun + end) / 2;
    if (read_index(p.indptr, middle) <= token) {
      begun = middle + 1;
    } else {
      end = middle;
    }
  }
  if (begun == 0 || begun > p.segments) return false;
  position = read_index(p.positions, begun - 1) + (token - read_index(p.indptr, begun - 1));
  return true;
}

}  // namespace warpwright
