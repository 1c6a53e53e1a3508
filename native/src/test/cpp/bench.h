// What the benchmarks share.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>

#include "support.h"

using Clock = std::chrono::steady_clock;

// Best of several repetitions, in seconds: other programs share the machine.
inline double best(int repetitions, const std::function<void()>& body) {
  double fastest = 1e9;
  for (int i = 0; i < repetitions; i++) {
    auto start = Clock::now();
    body();
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return fastest;
}

// Processor time of this thread, in seconds: what building and submitting a step costs, however busy the cores are.
inline double own_time() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

inline void use(int math) {
  ok(vm_cpu_math_use(math));
  std::printf("%s\n", math == VM_FAST ? "fast" : "exact");
}

// A copy where the loader puts weights.
inline TestWeight in_slab(TestWeight first, bool free_first = true) {
  TestWeight copy = first;
  vm_array* from[] = {&first.w, &first.scales, &first.biases};
  vm_array* to[] = {&copy.w, &copy.scales, &copy.biases};
  for (int j = 0; j < (first.bits == 0 ? 1 : 3); j++) {
    int32_t dtype, ndim, shape[8];
    uint64_t size;
    const void* data;
    void* memory;
    ok(vm_array_info(*from[j], &dtype, &ndim, shape, &size));
    ok(vm_array_data(*from[j], &data));
    ok(vm_weight_alloc(to[j], &memory, shape, ndim, dtype));
    std::memcpy(memory, data, size);
  }
  copy.exact.clear();
  copy.exact.shrink_to_fit();
  if (free_first) {
    first.free();
  }
  return copy;
}

// Prints how fast all cores together read memory front to back: no step over more weights than the caches hold is faster.
void roof();
void layers();
void sprout_steps();
void qwen_steps(int bits);
void decode_alone();
void host();
void attention();
