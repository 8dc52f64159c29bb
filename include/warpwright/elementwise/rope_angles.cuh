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

// Angles that are computed: a policy of the rope kernel.
class ComputedAngles {
 public:
  explicit ComputedAngles(const RopeProblem& p) : of_(p.frequencies) {}

  // What the pairs from `pair` on have in common for all tokens: the frequency of the first of them.
  using OfPair = double;
  __device__ __forceinline__ OfPair of_pair(int pair) const { return exp2(-of_.octaves * double(pair)); }

  template <typename, int kSize>
  __device__ __forceinline__ void read(OfPair first, int64_t position, float (&cos)[kSize], float (&sin)[kSize]) const {
    const double turns = double(position) * kTurnsOfRadian;
    double frequency = first;
#pragma unroll
    for (int i = 0; i < kSize; ++i) {
      const double part = fmin(fmax(frequency * of_.part_slope + of_.part_offset, 0.), 1.);
      cos_sin_of(turns * (frequency * (part + (1. - part) * of_.inverse_scale)), cos[i], sin[i]);
      frequency *= of_.ratio;
    }
  }

 private:
  RopeFrequencies of_;
};

// Angles of a cache. A position behind its end, or before its start, gives NaN: nothing is read there, and nobody
// overlooks it.
class CachedAngles {
 public:
  explicit CachedAngles(const RopeProblem& p)
      : cache_(p.cos_sin_cache),
        positions_(p.max_positions),
        rotary_dim_(p.rotary_dim),
        is_float32_(p.cache_is_float32) {}

  using OfPair = int;
  __device__ __forceinline__ OfPair of_pair(int pair) const { return pair; }

  template <typename T, int kSize>
  __device__ __forceinline__ void read(OfPair pair, int64_t position, float (&cos)[kSize], float (&sin)[kSize]) const {
    if (position >= 0 && position < positions_) {
      const int64_t at = position * rotary_dim_ + pair;
      if (is_float32_) {
        read_at<float>(at, cos);
        read_at<float>(at + rotary_dim_ / 2, sin);
      } else {
        read_at<T>(at, cos);
        read_at<T>(at + rotary_dim_ / 2, sin);
      }
    } else {
#pragma unroll
      for (int i = 0; i < kSize; ++i) cos[i] = sin[i] = __int_as_float(0x7fc00000);
    }
  }

 private:
  template <typename From, int kSize>
  __device__ __forceinline__ void read_at(int64_t at, float (&to)[kSize]) const {
    read_vector<From>(static_cast<const From*>(cache_) + at, to);
  }

  const void* cache_;
  int64_t positions_, rotary_dim_;
  bool is_float32_;
};

// Which position a token has, of one for each token: a policy of the rope kernel.
class TokenPositions {
 public:
  static constexpr bool kCoversAll = true;  // tokens

  explicit TokenPositions(const RopeProblem& p) : of_(p.positions) {}

  __device__ __forceinline__ bool find(int64_t token, int64_t& position) const {
    position = read_index(of_, token);
    return true;
  }

 private:
  Indices of_;
};

// The same, of one for each segment of tokens; false where the token belongs to none.
class SegmentPositions {
 public:
  static constexpr bool kCoversAll = false;

  explicit SegmentPositions(const RopeProblem& p) : of_(p.positions), begins_(p.indptr), segments_(p.segments) {}

  __device__ __forceinline__ bool find(int64_t token, int64_t& position) const {
    int64_t begun = 0, end = segments_ + 1;  // how many segments, and ends of the last, are at the token or before it
    while (begun < end) {
      const int64_t middle = (begun + end) / 2;
      if (read_index(begins_, middle) <= token) {
        begun = middle + 1;
      } else {
        end = middle;
      }
    }
    if (begun == 0 || begun > segments_) return false;
    position = read_index(of_, begun - 1) + (token - read_index(begins_, begun - 1));
    return true;
  }

 private:
  Indices of_, begins_;
  int64_t segments_;
};

}  // namespace warpwright
