// Prints how many blocks share a row of logits, and how many chunks a thread holds: a line for each line of
//   CHUNKS ELEMENT_BYTES HAS_CLUSTERS
#include <iostream>

#include "warpwright/sampling/softmax_plan.h"

using namespace warpwright;

int main() {
  int64_t chunks = 0;
  int element_bytes = 0;
  bool has_clusters = false;
  while (std::cin >> chunks >> element_bytes >> has_clusters) {
    const SoftmaxPlan plan = plan_softmax(chunks, element_bytes, has_clusters);
    std::cout << plan.blocks << " " << plan.held << "\n";
  }
}
