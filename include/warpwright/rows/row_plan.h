// How rows are dealt out to threads. A pure host function: the unit tests compile it with the host compiler alone.
#pragma once

#include <cstdint>

namespace warpwright {

struct RowPlan {
  int held = 0;           // vectors of a row that a thread holds: 1, 2, 4 or 8; 0 where a row is more than that
  int threads = 0;        // that share a row
  int rows_of_block = 1;  // side by side; more than one where rows are short
  constexpr int block() const { return threads * rows_of_block; }
};

constexpr int kMaxHeld = 8;
constexpr int kRowThreads = 1024;  // of a block, at most

// A thread of a block of 1024 has 64 registers, which four vectors in fp32 do not fit into.
constexpr int max_threads_of(int held) { return held < 4 ? kRowThreads : kRowThreads / 2; }

constexpr int64_t divide_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

constexpr int power_of_two_from(int64_t value) {
  int power = 1;
  while (power < value) power *= 2;
  return power;
}

// `vectors` in each row.
constexpr RowPlan plan_rows(int64_t rows, int64_t vectors, int sm_count) {
  if (vectors <= 32) {
    const int threads = power_of_two_from(vectors);
    const int64_t fill = divide_up(rows, sm_count);  // fewer rows to a block where they would leave SMs without work
    const int most = 128 / threads, least = threads < 32 ? 32 / threads : 1;
    return {1, threads, int(fill < least ? least : fill > most ? most : power_of_two_from(fill))};
  }
  const bool few = rows <= 2 * int64_t{sm_count};  // each row is waited for: as many threads as there are
  for (int held = few || vectors <= 128 ? 1 : vectors <= 512 ? 2 : 4; held <= kMaxHeld; held *= 2) {
    const int64_t threads = divide_up(divide_up(vectors, held), 32) * 32;
    if (threads <= max_threads_of(held)) return {held, int(threads), 1};
  }
  return {0, kRowThreads, 1};
}

}  // namespace warpwright
