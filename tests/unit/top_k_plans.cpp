// Prints how many blocks share a row, their threads, the steps that they hold and the bytes of marks, for each line of
//   ROWS VECTORS BEGINS_WITHIN MOST_BLOCKS SMS ROOM MARK_BYTES
#include <iostream>

#include "warpwright/top_k/top_k_plan.h"

using namespace warpwright;

int main() {
  TopKRows work;
  int64_t room = 0;
  int most_blocks = 0, sms = 0, mark_bytes = 0;
  while (std::cin >> work.rows >> work.vectors >> work.begins_within >> most_blocks >> sms >> room >> mark_bytes) {
    const TopKPlan plan = plan_top_k(work, most_blocks, sms, room, mark_bytes);
    std::cout << plan.blocks << " " << plan.threads << " " << plan.held_steps << " " << plan.mark_bytes << "\n";
  }
}
