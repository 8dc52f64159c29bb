// How a torch function refuses: an exception of one sentence.
#pragma once

#include <stdexcept>
#include <string>
#include <type_traits>

namespace warpwright::torch_api {

inline std::string to_text(const char* part) { return part; }
inline std::string to_text(const std::string& part) { return part; }
template <typename Number, typename = std::enable_if_t<std::is_integral_v<Number>>>
std::string to_text(Number part) {
  return std::to_string(part);
}

// Torch turns this into a RuntimeError with these words and no others.
template <typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw std::runtime_error((to_text(parts) + ...));
}

}  // namespace warpwright::torch_api

// A macro, so that the words are made only where the condition does not hold.
#define WARPWRIGHT_CHECK(condition, ...)                          \
  do {                                                            \
    if (!(condition)) ::warpwright::torch_api::fail(__VA_ARGS__); \
  } while (false)
