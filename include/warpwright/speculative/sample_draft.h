// Sampling from a target model by way of the tokens that a draft model proposes, in a chain or in a tree.
// Methods: Leviathan, Kalman and Matias, "Fast Inference from Transformers via Speculative Decoding", 2023
// (arXiv:2211.17192), section 2.3, for chains; Miao et al., "SpecInfer" (arXiv:2305.09781), section 4.3, for trees.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "warpwright/device.h"
#include "warpwright/random.h"
#include "warpwright/speculative/verify_tree.h"
#include "warpwright/status.h"

namespace warpwright {

// A draw's order of summation follows from the vocabulary alone, so that a row gives the same token on every GPU, in
// every batch and at every address: segments of this many tokens, or of more where that makes too many of them.
constexpr int64_t kLeastSegment = 512;
constexpr int64_t kMostSegments = 512;

constexpr int64_t segment_of(int64_t vocabulary) {
  int64_t tokens = kLeastSegment;
  while (tokens * kMostSegments < vocabulary) tokens *= 2;
  return tokens;
}

// A request's (drafted + 1) rows of the target model for a chain, a row for each node of a tree; and those of the draft.
struct Distributions {
  const float *target = nullptr, *draft = nullptr;
  int64_t vocabulary = 0, segment = 0;
};

struct ChainProblem {
  IndexArray draft_tokens;          // (requests, drafted)
  IndexOutput accepted, emitted;    // (requests), added to
  int32_t* tokens = nullptr;        // (requests, drafted + 1), the result
  int64_t requests = 0, drafted = 0;
  RandomSource random;
};

struct TreeSamplingProblem {
  VerifiedTree tree;
  const float *coins = nullptr, *last_coins = nullptr;  // (requests, draft_tokens), (requests): the latter may be null
  float threshold_single = 1.f, threshold_all = 1.f;  // as the probabilities that they are compared with
};

// One of both: `is_chain` says which.
struct SampleDraftProblem {
  bool is_chain = false;
  Distributions rows;
  ChainProblem chain;
  TreeSamplingProblem tree;
  bool has_clusters = false;  // the code is for an SM that has them
  bool dependent = false;     // programmatic dependent launch
};

// The blocks of a request: as many as keep all multiprocessors busy, where few of them would have work. A row's sums are
// of its segments, so that the number changes no result.
constexpr int blocks_of_request(int64_t requests, int64_t vocabulary, int multiprocessors) {
  int blocks = 1;
  while (blocks < 8 && requests * blocks * 2 <= multiprocessors && vocabulary >= blocks * int64_t{8192}) blocks *= 2;
  return blocks;
}

using SampleDraftLaunch = Status(const SampleDraftProblem&, const Device&, cudaStream_t);

SampleDraftLaunch tree_speculative_sampling_target_only;

}  // namespace warpwright
