#include <new>

#include "cpu/primitive.h"

namespace vllmd::cpu {

namespace {

struct Scratch {
  float* memory = nullptr;
  size_t size = 0;

  float* take(size_t floats) {
    if (size < floats) {
      release();
      memory = nullptr;
      size = 0;
      memory = static_cast<float*>(::operator new[](floats * sizeof(float), std::align_val_t(64)));
      size = floats;
    }
    return memory;
  }

  ~Scratch() { release(); }
  void release() {
    if (memory != nullptr) {
      ::operator delete[](memory, std::align_val_t(64));
    }
  }
};

}  // namespace

float* thread_scratch(size_t floats) {
  thread_local Scratch scratch;
  return scratch.take(floats);
}

float* thread_partials(size_t floats) {
  thread_local Scratch scratch;
  return scratch.take(floats);
}

}  // namespace vllmd::cpu
