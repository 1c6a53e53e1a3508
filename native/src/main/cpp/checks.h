// What the entry points ask of their arguments.
#pragma once

#include <optional>
#include <string>

#include "engine.h"
#include "error.h"
#include "handles.h"

namespace vllmd {

// Set by vm_portable.
extern bool portable_on_cpu;

inline bool own_kernels(const mx::Stream& s) { return s.device == mx::Device::cpu && !portable_on_cpu; }

inline std::string text(const mx::array& a) {
  std::string t = "[";
  for (size_t i = 0; i < a.ndim(); i++) {
    t += (i > 0 ? ", " : "") + std::to_string(a.shape(static_cast<int>(i)));
  }
  return t + "]";
}

inline bool is_real(const mx::array& a) {
  return a.dtype() == mx::float32 || a.dtype() == mx::bfloat16 || a.dtype() == mx::float16;
}

inline void check_vector(const char* name, const std::optional<mx::array>& a, int length) {
  require(!a || (a->ndim() == 1 && a->shape(0) == length && is_real(*a)), name, " is ", a ? text(*a) : "",
          ", expected real numbers [", length, "]");
}

inline void check_matrix(const char* name, const mx::array& a) {
  require(a.ndim() == 2 && is_real(a), name, " is ", text(a), ", expected two dimensions of real numbers");
}

// A weight as the entry points take it; bits may hold VM_PANELS.
Weight weight_of(vm_array w, vm_array scales, vm_array biases, int32_t group, int32_t bits);

}  // namespace vllmd
