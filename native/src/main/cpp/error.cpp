#include "error.h"

namespace vllmd {

namespace {
thread_local std::string last_error;
}

int fail(const char* function, const char* message) noexcept {
  try {
    last_error.assign(function).append(": ").append(message);
  } catch (...) {
    last_error.clear();  // no memory even for the message
  }
  return VM_FAILED;
}

}  // namespace vllmd

const char* vm_last_error() { return vllmd::last_error.c_str(); }
