// What the checks and the benchmark share: thin C++ over the C ABI, so that they go through the border that Java uses.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "vllmd_mlx.h"

inline void ok(int status) {
  if (status != VM_OK) {
    std::fprintf(stderr, "FAILED: %s\n", vm_last_error());
    std::exit(1);
  }
}

inline vm_array floats(const std::vector<float>& v, std::vector<int32_t> shape) {
  vm_array a;
  ok(vm_array_from(&a, v.data(), shape.data(), static_cast<int32_t>(shape.size()), VM_FLOAT32));
  return a;
}

inline vm_array ints(const std::vector<int32_t>& v) {
  vm_array a;
  int32_t n = static_cast<int32_t>(v.size());
  ok(vm_array_from(&a, v.data(), &n, 1, VM_INT32));
  return a;
}

inline vm_array cast(vm_array a, int dtype) {
  vm_array b;
  ok(vm_astype(&b, a, dtype, 0));
  ok(vm_eval(&b, 1));
  ok(vm_array_free(&a, 1));
  return b;
}

template <typename T = float>
std::vector<T> values(vm_array a) {
  int32_t dtype, ndim, shape[8];
  uint64_t bytes;
  vm_array c;
  ok(vm_contiguous(&c, a, 0));
  if constexpr (std::is_same_v<T, float>) {
    c = cast(c, VM_FLOAT32);
  }
  ok(vm_array_info(c, &dtype, &ndim, shape, &bytes));
  const void* p;
  ok(vm_array_data(c, &p));
  std::vector<T> v(static_cast<const T*>(p), static_cast<const T*>(p) + bytes / sizeof(T));
  ok(vm_array_free(&c, 1));
  return v;
}

inline void free_all(std::vector<vm_array> arrays) { ok(vm_array_free(arrays.data(), static_cast<int32_t>(arrays.size()))); }

struct Random {
  std::mt19937 engine;
  explicit Random(unsigned seed) : engine(seed) {}
  std::vector<float> normal(size_t n, float deviation = 1) {
    std::normal_distribution<float> d(0, deviation);
    std::vector<float> v(n);
    for (auto& x : v) {
      x = d(engine);
    }
    return v;
  }
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine); }
  float unit() { return std::uniform_real_distribution<float>(0, 1)(engine); }
};

// A layer's weight through the C ABI, and its exact values.
struct TestWeight {
  vm_array w = 0, scales = 0, biases = 0;
  int n, k, group = 0, bits = 0;
  std::vector<float> exact;  // [n, k]

  void free() {
    free_all({w, scales, biases});
  }
};

inline TestWeight make_weight(Random& random, int n, int k, int bits, int group, int dtype) {
  TestWeight t{.n = n, .k = k, .group = group, .bits = bits, .exact = {}};
  auto dense = cast(floats(random.normal(static_cast<size_t>(n) * k, 1.0f / std::sqrt(static_cast<float>(k))), {n, k}), dtype);
  if (bits == 0) {
    t.w = dense;
    t.exact = values(dense);
    return t;
  }
  ok(vm_quantize(&t.w, &t.scales, &t.biases, dense, group, bits, 0));
  vm_array parts[3] = {t.w, t.scales, t.biases};
  ok(vm_eval(parts, 3));
  free_all({dense});
  auto packed = values<uint32_t>(t.w);
  auto scales = values(t.scales), biases = values(t.biases);
  t.exact.resize(static_cast<size_t>(n) * k);
  int per_word = 32 / bits;
  for (size_t i = 0; i < t.exact.size(); i++) {
    uint32_t q = packed[i / per_word] >> (i % per_word * bits) & ((1u << bits) - 1);
    t.exact[i] = static_cast<float>(static_cast<double>(q) * scales[i / group] + biases[i / group]);
  }
  return t;
}

// Into panels, the CPU's own layout; false where its shape does not fit.
inline bool to_panels(TestWeight& w) {
  int32_t dtype, ndim, shape[8], done;
  uint64_t bytes;
  const void *values, *scales, *biases;
  ok(vm_array_info(w.scales, &dtype, &ndim, shape, &bytes));
  ok(vm_array_data(w.w, &values));
  ok(vm_array_data(w.scales, &scales));
  ok(vm_array_data(w.biases, &biases));
  ok(vm_to_panels(const_cast<void*>(values), const_cast<void*>(scales), const_cast<void*>(biases), w.n, w.k, w.group,
                  w.bits, dtype, &done));
  w.bits |= done != 0 ? VM_PANELS : 0;
  return done != 0;
}

inline vm_array linear(vm_array x, const TestWeight& w, vm_array bias = 0, vm_array residual = 0) {
  vm_array y;
  ok(vm_linear(&y, x, w.w, w.scales, w.biases, w.group, w.bits, bias, residual, 0));
  return y;
}

// Sequences over pages of their own, in order.
struct Tables {
  int sequences, pages;  // of each
  std::vector<int32_t> table, offsets, zeros;

  Tables(int sequences, int capacity) : sequences(sequences), pages((capacity + VM_PAGE - 1) / VM_PAGE), zeros(sequences, 0) {
    for (int i = 0; i < all(); i++) {
      table.push_back(i);
    }
    for (int j = 0; j <= sequences; j++) {
      offsets.push_back(j * pages);
    }
  }

  int all() const { return sequences * pages; }

  vm_step step(const std::vector<int32_t>& ids, const std::vector<int32_t>& positions, int sinks = 0) const {
    std::vector<int32_t> seen(sequences, sinks);
    vm_step step;
    ok(vm_step_new(&step, ids.data(), positions.data(), static_cast<int32_t>(ids.size()), table.data(), offsets.data(), zeros.data(),
                   seen.data(), sequences));
    return step;
  }
};
