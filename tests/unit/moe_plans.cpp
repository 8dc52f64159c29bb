// Prints how elements, tokens and experts are dealt out to blocks and warps: a line for each question.
//   order ELEMENTS EXPERTS FILLS         blocks, chunk, warps, threads, counts first, shared memory; of a turn of a warp
//   router TOKENS EXPERTS IN_VECTORS SM  tensor cores, vector, tokens, cluster, x, y, experts
#include <iostream>
#include <string>

#include "warpwright/moe/expert_order_plan.h"
#include "warpwright/moe/router_gemm_plan.h"

using namespace warpwright;

void answer_order() {
  int64_t elements = 0, experts = 0, fills = 0;
  std::cin >> elements >> experts >> fills;
  const ExpertOrderPlan plan = plan_expert_order(elements, experts, fills);
  std::cout << plan.blocks << " " << plan.chunk << " " << plan.warps << " " << plan.threads << " " << plan.counts_first
            << " " << plan.shared_memory << " " << kOrderOfWarp;
}

void answer_router() {
  int64_t tokens = 0, experts = 0;
  int in_vectors = 0, sm = 0;
  std::cin >> tokens >> experts >> in_vectors >> sm;
  const RouterGemmPlan plan = plan_router_gemm(tokens, experts, in_vectors != 0, sm);
  std::cout << plan.on_tensor_cores << " " << plan.size << " " << plan.tokens << " " << plan.cluster << " " << plan.x
            << " " << plan.y << " " << plan.experts;
}

int main() {
  std::string question;
  while (std::cin >> question) {
    if (question == "order") answer_order();
    if (question == "router") answer_router();
    std::cout << "\n";
  }
}
