// A vector that may not be there.
#pragma once

#include <type_traits>

#include "warpwright/vector.cuh"

namespace warpwright {

// A vector of 16 bytes or of one element, zeros where there is none. It is chosen in words, so that the compiler takes no
// element out of it, which waits for it, before other vectors are on their way.
template <typename T, int kSize>
__device__ __forceinline__ Vector<T, kSize> vector_or_zeros(const T* start, bool is_there) {
  using Words = std::conditional_t<kSize == 1, Vector<T, 1>, uint4>;
  static_assert(sizeof(Words) == sizeof(Vector<T, kSize>), "one element or 16 bytes");
  const Words words = is_there ? *reinterpret_cast<const Words*>(start) : Words{};
  return reinterpret_cast<const Vector<T, kSize>&>(words);
}

}  // namespace warpwright
