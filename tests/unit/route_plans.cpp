// Prints how experts are dealt out to lanes: a line for each question.
//   TOKENS EXPERTS GROUPS SMS                                             held, lanes, group_lanes, warps, blocks
#include <iostream>

#include "warpwright/moe/route_plan.h"

using namespace warpwright;

int main() {
  int64_t tokens = 0, experts = 0, groups = 0;
  int sms = 0;
  while (std::cin >> tokens >> experts >> groups >> sms) {
    const RoutePlan plan = plan_route(tokens, experts, groups, sms);
    std::cout << plan.held << " " << plan.lanes << " " << plan.group_lanes << " " << plan.warps << " " << plan.blocks
              << "\n";
  }
}
