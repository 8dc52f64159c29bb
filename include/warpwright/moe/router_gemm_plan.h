// Which kernel multiplies, and how tokens and experts are dealt out to its blocks. Pure host functions: the unit tests
// compile them with the host compiler alone.
#pragma once

#include <cstdint>

#include "warpwright/sm_path.h"

namespace warpwright {

constexpr int kRouterThreads = 256;      // of a block
constexpr int kRouterCluster = 4;        // blocks that share a tile's sum on SM 9.0
constexpr int64_t kRouterMostY = 65535;  // blocks along y of a grid; further ones are taken in turns

struct RouterGemmPlan {
  bool on_tensor_cores = false;
  int size = 1;    // elements of a vector that is read at once
  int tokens = 8;  // of a block, and its
  int experts = 1;
  int cluster = 0;       // blocks of a cluster, each with a part of the sum; 0: no clusters
  int64_t x = 1, y = 1;  // blocks
};

constexpr int64_t router_divide_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

// `in_vectors`: rows can be read in vectors of 16 bytes. More than eight tokens pay for tensor cores, which know bf16
// from SM 8.0 on. Without clusters a tile is as small as an instruction's where that holds all tokens, so that many SMs
// have one; with them it is as large as registers hold, so that states and weights are read less often.
constexpr RouterGemmPlan plan_router_gemm(int64_t tokens, int64_t experts, bool in_vectors, Sm path) {
  RouterGemmPlan plan;
  plan.size = in_vectors ? 8 : 1;
  plan.on_tensor_cores = in_vectors && path >= 80 && tokens > 8;
  if (plan.on_tensor_cores) {
    plan.cluster = path >= 90 ? kRouterCluster : 0;
    plan.tokens = tokens <= 16 ? 16 : plan.cluster == 0 || tokens <= 32 ? 32 : 64;
    plan.experts = tokens <= 16 && plan.cluster == 0 ? 8 : 16;
  } else {
    plan.tokens = !in_vectors || tokens > 4 ? 8 : tokens > 2 ? 4 : int(tokens);
  }
  plan.x = router_divide_up(experts, plan.experts) * (plan.cluster > 0 ? plan.cluster : 1);
  const int64_t rows = router_divide_up(tokens, plan.tokens);
  plan.y = rows < kRouterMostY ? rows : kRouterMostY;
  return plan;
}

}  // namespace warpwright
