// Chooses the instruction set of the CPU primitives.
#include "cpu/kernels.h"

#include <atomic>
#include <cstring>

#include "cpu/thread_pool.h"
#include "error.h"

namespace vllmd::cpu {

namespace {

const Kernels* best() {
  for (auto* candidate : {avx512_kernels(), avx2_kernels(), neon_kernels()}) {
    if (candidate != nullptr) {
      return candidate;
    }
  }
  return generic_kernels();
}

// Read by the stream's thread, set by the thread that calls this library.
std::atomic<const Kernels*>& chosen() {
  static std::atomic<const Kernels*> kernels{best()};
  return kernels;
}

std::atomic<bool> fast_math{false};

}  // namespace

const PanelMath& panel_math() {
  auto& in_use = kernels();
  return fast_math.load(std::memory_order_acquire) && in_use.fast.products != nullptr ? in_use.fast : in_use.exact;
}

const Kernels& kernels() { return *chosen().load(std::memory_order_acquire); }

}  // namespace vllmd::cpu

using namespace vllmd;

const char* vm_cpu_kernels() { return cpu::kernels().name; }

int vm_cpu_kernels_use(const char* name) {
  return guarded("cpu_kernels_use", [&] {
    for (auto* candidate :
         {cpu::avx512_kernels(), cpu::avx2_kernels(), cpu::neon_kernels(), cpu::generic_kernels()}) {
      if (candidate != nullptr && std::strcmp(candidate->name, name) == 0) {
        cpu::chosen().store(candidate, std::memory_order_release);
        return;
      }
    }
    require(false, "this CPU has no '", name, "' kernels; it runs '", cpu::kernels().name, "'");
  });
}

int vm_cpu_math_use(int32_t math) {
  return guarded("cpu_math_use", [&] {
    require(math == VM_EXACT || math == VM_FAST, "math is ", math, ", allowed are 0 (exact) and 1 (fast)");
    cpu::fast_math.store(math == VM_FAST, std::memory_order_release);
  });
}

int vm_cpu_math_fast(int32_t* fast) {
  return guarded("cpu_math_fast", [&] { *fast = cpu::kernels().fast.products != nullptr ? 1 : 0; });
}

int vm_cpu_threads(int32_t threads) {
  return guarded("cpu_threads", [&] {
    require(threads >= 0 && threads <= 1024, "threads is ", threads, ", allowed are 0 (all cores) to 1024");
    cpu::ThreadPool::instance().use(threads);
  });
}
