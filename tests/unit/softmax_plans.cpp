// Prints how many blocks share a row of logits, and how many chunks a thread holds: a line for each line of
//   ROWS CHUNKS ELEMENT_BYTES HAS_CLUSTERS, on a GPU of 132 SMs
#include <iostream>

#include "warpwright/sampling/softmax_plan.h"

using namespace warpwright;

int main() {
  int64_t rows = 0, chunks = 0;
  int element_bytes = 0;
  bool has_clusters = false;
  while (std::cin >> rows >> chunks >> element_bytes >> has_clusters) {
    const SoftmaxPlan plan = plan_softmax(rows, chunks, element_bytes, has_clusters, 132);
    std::cout << plan.blocks << " " << plan.held << "\n";
  }
}
