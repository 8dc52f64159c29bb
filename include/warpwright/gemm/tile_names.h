// Tiles by name, for tests and tuning: WARPWRIGHT_FORCE_TILE=streaming_64x8.
#pragma once

#include <cstring>
#include <string>

#include "warpwright/status.h"

namespace warpwright {

// The index of the row with this name, -1 where there is none.
template <typename Row, int kCount>
int find_tile(const Row (&table)[kCount], const char* name) {
  for (int i = 0; i < kCount; ++i) {
    if (std::strcmp(table[i].name, name) == 0) return i;
  }
  return -1;
}

// The refusal of a name that the table does not have, with those that it has.
template <const auto& kTable>
Status refuse_tile() {
  static const std::string text = [] {
    std::string names;
    for (const auto& row : kTable) names += std::string(names.empty() ? "" : ", ") + row.name;
    return "WARPWRIGHT_FORCE_TILE names no tile of this SM path, which has " + names;
  }();
  return Status::refused(text.c_str());
}

}  // namespace warpwright
