// How tokens and their experts are dealt out to lanes. A pure host function: the unit tests compile it with the host
// compiler alone.
#pragma once

#include <cstdint>

namespace warpwright {

constexpr int kRouteHeld[] = {8, 12, 16, 32};  // experts that a lane may hold, ascending: there is a kernel for each
constexpr int kLeastRouteLanes = 4;            // of a token that one lane does not hold; of 8 held experts there is a
                                               // kernel for one lane, and for each power of two from here on
constexpr int kMostRouteWarps = 4;             // of a block
constexpr int kRouteBlockThreads = 256;        // of a block that has one token

// A token has `lanes` lanes side by side, a power of two of them: one where it holds all, which then has nobody to wait
// for, and all of a warp where more than 8 experts are held.
// Each of its groups has `group_lanes` of them, a power of two as well, of which each holds `held` experts side by
// side: so the order of lanes is that of experts.
struct RoutePlan {
  int held = 0;  // 0: no warp holds a token's experts, a block has them and reads them again
  int lanes = 32, group_lanes = 32;
  int warps = 1;  // of a block
  int64_t blocks = 1;
};

constexpr int route_power_of_two_from(int64_t value) {
  int power = 1;
  while (power < value) power *= 2;
  return power;
}

constexpr int64_t route_quotient_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

// As few experts to a lane as a warp has lanes for, but no fewer than make a vector of 16 bytes; groups may not fill
// their lanes. Blocks are small while there is an SM for each, so that few tokens have many.
constexpr RoutePlan plan_route(int64_t tokens, int64_t experts, int64_t groups, int sm_count) {
  RoutePlan plan;
  const int64_t of_group = experts / groups;
  for (int held : kRouteHeld) {
    if (groups > 32 || of_group > int64_t{held} * 32) continue;
    const int group_lanes = route_power_of_two_from(route_quotient_up(of_group, held));
    if (group_lanes * groups > 32) continue;
    plan.held = held;
    plan.group_lanes = group_lanes;
    const int lanes = route_power_of_two_from(group_lanes * groups);
    if (held == kRouteHeld[0]) plan.lanes = lanes > 1 && lanes < kLeastRouteLanes ? kLeastRouteLanes : lanes;
    break;
  }
  if (plan.held == 0) {
    plan.warps = kRouteBlockThreads / 32;
    plan.blocks = tokens;
    return plan;
  }
  const int64_t warps = route_quotient_up(tokens, 32 / plan.lanes);
  while (plan.warps < kMostRouteWarps && warps > int64_t{plan.warps} * sm_count) plan.warps *= 2;
  plan.blocks = route_quotient_up(warps, plan.warps);
  return plan;
}

}  // namespace warpwright
