// How rows are dealt out to threads. A pure host function: the unit tests compile it with the host compiler alone.
#pragma once

#include <cstdint>

namespace warpwright {

constexpr int kMaxHeld = 8;
constexpr int kRowThreads = 1024;  // of a block, at most
constexpr int kWarp = 32;

// A thread's part of the 65,536 registers of an SM has room for those that hold its vectors; what crowds a kernel needs
// more beside them. `crowd` counts such things: none, a norm, and up to two more.
constexpr int max_threads_of(int registers, int crowd) {
  if (registers <= 8) return kRowThreads;
  if (registers <= 16) return 768;
  if (registers <= 32) return crowd == 0 ? kRowThreads : 640;
  return 384;
}

constexpr int64_t divide_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

constexpr int power_of_two_from(int64_t value) {
  int power = 1;
  while (power < value) power *= 2;
  return power;
}

struct RowPlan {
  int held = 0;           // vectors of a row that a thread holds: 1, 2, 4 or 8; 0 where a row is more than that
  int threads = 0;        // that share a row
  int rows_of_block = 1;  // side by side; more than one where rows are short
  int64_t pieces = 1;     // of a row, each of its own block; more than one where no thread waits for another's
};

struct RowWork {
  int64_t rows = 0, vectors = 0;  // and vectors of each row
  bool comes_in_pieces = false;   // no thread of a row waits for another's
  bool reads_much = false;        // beside the row itself: a residual, or two weights for each element
  int group_threads = 1;          // side by side that have to hold the vectors of a group
  int best_held = 4;              // of many rows: where more threads are faster than more held
  int most_held = kMaxHeld;       // that there is a kernel for
  int registers_of_vector = 8;    // that hold one
  int crowd = 0;                  // max_threads_of
};

// A row of up to a warp: a power of two of threads, so that a warp has several rows. Where much is read beside many
// rows, each thread holds two vectors, which halves what is done once for each thread.
constexpr RowPlan plan_short_rows(const RowWork& work, int sm_count) {
  const bool many = work.rows * work.vectors > 512 * int64_t{sm_count};
  const int least = work.group_threads > 2 ? work.group_threads : 2;
  const bool has_two = work.most_held > 1 && power_of_two_from(divide_up(work.vectors, 2)) >= least;
  const int held = work.reads_much && many && has_two ? 2 : 1;
  const int threads = power_of_two_from(divide_up(work.vectors, held));
  return {held, threads, 128 / threads};
}

// Rows whose threads do not wait for each other: a vector for each thread, and as many blocks as it takes.
constexpr RowPlan plan_pieces(const RowWork& work) {
  const int64_t pieces = divide_up(work.vectors, 256);
  const int64_t threads = divide_up(divide_up(work.vectors, pieces), kWarp) * kWarp;
  return {1, int(threads), 1, divide_up(work.vectors, threads)};
}

// What was fastest on an H100 for 1 to 16,384 rows of 128 to 18,944 elements: with few rows as many threads as there are
// vectors, since each row is waited for; with many, few threads that hold much, so that an SM has several rows to work on
// while the threads of one wait for each other.
constexpr RowPlan plan_rows(const RowWork& work, int sm_count) {
  if (work.vectors <= kWarp) return plan_short_rows(work, sm_count);
  if (work.comes_in_pieces) return plan_pieces(work);
  const bool few = work.rows <= 2 * int64_t{sm_count};
  const bool many = work.rows > (work.reads_much ? 4 : 16) * int64_t{sm_count};
  const int threads_wanted = many ? 128 : 512;
  int held = few || work.vectors <= 2 * kWarp || work.most_held == 1 ? 1 : 2;
  const int best_held = work.best_held < work.most_held ? work.best_held : work.most_held;
  while (held < best_held && held * threads_wanted < work.vectors - work.vectors / 4) held *= 2;
  for (; held <= work.most_held; held *= 2) {
    const int64_t threads = divide_up(divide_up(work.vectors, held), kWarp) * kWarp;
    if (threads <= max_threads_of(held * work.registers_of_vector, work.crowd)) return {held, int(threads), 1};
  }
  return {0, kRowThreads, 1};
}

}  // namespace warpwright
