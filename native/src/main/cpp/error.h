// How failures leave this library: a status, and a message kept for the calling thread.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "vllmd_mlx.h"

namespace vllmd {

// Keeps the message for vm_last_error and answers VM_FAILED.
int fail(const char* function, const char* message) noexcept;

template <typename Part>
void append(std::string& text, const Part& part) {
  if constexpr (std::is_arithmetic_v<Part>) {
    text += std::to_string(part);
  } else {
    text += part;
  }
}

// Throws std::invalid_argument of the parts joined.
template <typename... Parts>
[[noreturn]] [[gnu::noinline]] [[gnu::cold]] void refuse(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  throw std::invalid_argument(text);
}

// require(holds, parts…) refuses unless it holds. A macro, so that the parts, which describe arrays in words, are made
// only then: as arguments of a function they took nearly half of what building an operation takes.
#define require(holds, ...)        \
  do {                             \
    if (!(holds)) [[unlikely]] {   \
      ::vllmd::refuse(__VA_ARGS__); \
    }                              \
  } while (false)

// Runs `body`; whatever it throws becomes a status here, at the border. `body` must write its
// out-parameters last, so that none is written when it fails.
template <typename Body>
int guarded(const char* function, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    return VM_OK;
  } catch (const std::exception& e) {
    return fail(function, e.what());
  } catch (...) {
    return fail(function, "unknown exception");
  }
}

}  // namespace vllmd
