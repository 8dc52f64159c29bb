// Rows of a tile table: by name, for tests and tuning (WARPWRIGHT_FORCE_TILE=swap_ab_8x64x256), and as constants, for
// the kernels that are compiled from them.
#pragma once

#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "warpwright/status.h"

namespace warpwright {

template <typename Row, int kCount>
constexpr int size_of_table(const Row (&)[kCount]) {
  return kCount;
}

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

template <typename Run, int... kIndex>
Status with_index(int index, std::integer_sequence<int, kIndex...>, const Run& run) {
  Status status = Status::refused("the plan names no row of this SM's tile table");
  ((index == kIndex && (status = run(std::integral_constant<int, kIndex>{}), true)) || ...);
  return status;
}

// Calls run with the index of a row as a type, whose value can be a template argument; refuses what is no row's.
template <const auto& kTable, typename Run>
Status with_tile(int index, const Run& run) {
  return with_index(index, std::make_integer_sequence<int, size_of_table(kTable)>{}, run);
}

}  // namespace warpwright
