#include <new>

#include "cpu/primitive.h"

namespace vllmd::cpu {

namespace {

struct Scratch {
  float* memory = nullptr;
  size_t size = 0;

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
  if (scratch.size < floats) {
    scratch.release();
    scratch.memory = nullptr;
    scratch.size = 0;
    scratch.memory = static_cast<float*>(::operator new[](floats * sizeof(float), std::align_val_t(64)));
    scratch.size = floats;
  }
  return scratch.memory;
}

}  // namespace vllmd::cpu
