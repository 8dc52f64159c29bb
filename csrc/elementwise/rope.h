// What the rotary embeddings share: their checks, which make a problem, and their launches.
#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include "torch/arg.h"
#include "torch/launch.h"
#include "warpwright/elementwise/rope.h"

namespace warpwright::torch_api {

// What is turned, and how: the arguments of the operators that compute angles.
struct RopeNumbers {
  std::optional<int64_t> rotary_dim;
  bool interleave = false;
  double rope_scale = 1, rope_theta = 1e4;
};

// Llama 3.1's arguments beside these.
struct Llama31Numbers {
  double low_freq_factor = 1, high_freq_factor = 4, old_context_len = 8192;
};

// Where positions come from: `pos_ids`, or `indptr` and `offsets`.
struct RopePositions {
  std::optional<Arg> pos_ids, indptr, offsets;
};

// (tokens, heads, head_dim), turned by computed angles. A problem without tokens where there is nothing to write; the
// outputs are left to the launches.
RopeProblem check_rope(const Arg& q, const Arg& k, const RopePositions& positions, const RopeNumbers& numbers,
                       const Llama31Numbers* llama31, bool in_place);

// The arguments of the operators that read cosines and sines.
struct CachedRopeArguments {
  Arg positions, query;
  std::optional<Arg> key;
  int64_t head_size;
  Arg cos_sin_cache;
  bool is_neox;
};

// The same by a cache, which is float32, or where `any_shape` may be of the query's dtype; then positions may be of two
// dimensions.
RopeProblem check_cached_rope(const CachedRopeArguments& arguments, bool any_shape, bool in_place);

// The outputs are the inputs.
void launch_rope_in_place(const char* op, const SmPath<RopeLaunch>* paths, const Arg& q, const Arg* k,
                          RopeProblem problem);

// The outputs are new, contiguous tensors.
std::tuple<Tensor, Tensor> launch_rope(const char* op, const SmPath<RopeLaunch>* paths, const Arg& q, const Arg& k,
                                       RopeProblem problem);

}  // namespace warpwright::torch_api
