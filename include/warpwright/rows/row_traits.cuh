// How a kernel of rows holds them, by its policies: what plan_rows is told.
#pragma once

#include "warpwright/rows/row_plan.h"

namespace warpwright {

// Whether a thread holds what it read. What is normed before its scale is found is normed once, and held as floats.
template <typename Source, typename Norm, typename Sink>
constexpr bool kHoldsAsRead = Source::kIsNarrow && !(Norm::kReadsWeights && Sink::kFindsScales);

// How crowded a kernel is (max_threads_of).
template <typename Source, typename Norm, typename Sink>
constexpr int kCrowd = int(Norm::kReadsWeights) + int(Norm::kCentres) + int(Source::kCrowds) + int(Sink::kByGroup) +
                       int(kHoldsAsRead<Source, Norm, Sink>);

// Where no thread of a row waits for another's, a row may come in pieces.
template <typename Norm, typename Sink>
constexpr bool kComesInPieces = !Norm::kReadsWeights && (Sink::kByGroup || !Sink::kFindsScales);

// Registers that hold a vector.
template <typename Source, typename Norm, typename Sink, int kSize>
constexpr int kRegisters = kHoldsAsRead<Source, Norm, Sink> ? kSize / 2 : kSize;

// How many vectors a thread may hold: as many as 32 registers do, half of that where it is crowded by more than their
// being held as they were read, and no more than four of what is quantised after a norm: eight are a large kernel for
// rows of more than 20,480 elements. One in what comes in pieces.
template <typename Source, typename Norm, typename Sink, int kSize>
constexpr int most_held() {
  if (kComesInPieces<Norm, Sink>) return 1;
  const bool is_crowded = kCrowd<Source, Norm, Sink> >= 3 && !kHoldsAsRead<Source, Norm, Sink>;
  const int most = (is_crowded ? 16 : 32) / kRegisters<Source, Norm, Sink, kSize>;
  return Norm::kReadsWeights && Sink::kQuantizes && most > 4 ? 4 : most;
}

template <typename Source, typename Norm, typename Sink, int kSize>
constexpr int kMostHeld = most_held<Source, Norm, Sink, kSize>();

// And how many it holds where it may choose: norms were faster with more threads.
template <typename Norm>
constexpr int kBestHeld = Norm::kReadsWeights ? 4 : kMaxHeld;

// The most threads of a block.
template <typename Source, typename Norm, typename Sink, int kHeld, int kSize>
constexpr int row_threads() {
  return max_threads_of(kHeld * kRegisters<Source, Norm, Sink, kSize>, kCrowd<Source, Norm, Sink>);
}

}  // namespace warpwright
