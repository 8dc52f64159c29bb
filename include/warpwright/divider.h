// Division by a number that stays, as a multiplication: of a flat index, the row and the place in it.
// Method: Granlund and Montgomery, "Division by Invariant Integers using Multiplication", 1994, figure 4.1.
// For host and device code: the unit tests compile it with the host compiler alone.
#pragma once

#include <cstdint>

namespace warpwright {

// Of numbers of up to 63 bits: a dozen instructions without a branch, which a vector of 16 bytes pays for.
class Divider {
 public:
  constexpr Divider() = default;

  explicit constexpr Divider(int64_t divisor) : divisor_(divisor) {
    const uint64_t by = uint64_t(divisor);
    while (uint64_t{1} << shift_ < by) ++shift_;
    multiplier_ = uint64_t((Wide{(uint64_t{1} << shift_) - by} << 64) / by) + 1;
  }

  constexpr int64_t divide(int64_t value) const {
    const uint64_t high = uint64_t(Wide{multiplier_} * uint64_t(value) >> 64);
    return int64_t((high + uint64_t(value)) >> shift_);
  }

  constexpr int64_t divisor() const { return divisor_; }

 private:
  using Wide = unsigned __int128;

  int64_t divisor_ = 1;
  uint64_t multiplier_ = 1;
  int32_t shift_ = 0;
};

}  // namespace warpwright
