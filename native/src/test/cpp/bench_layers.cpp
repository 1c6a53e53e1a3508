// Speed of single linear layers beside the speed of memory.
#include <thread>

#include "bench.h"

namespace {

typedef uint64_t Words __attribute__((vector_size(16)));

uint64_t sum_of(const Words* from, size_t count) {
  Words a{}, b{}, c{}, d{};
  for (size_t i = 0; i + 16 <= count; i += 16) {
#pragma GCC unroll 4
    for (size_t j = 0; j < 16; j += 4) {
      __builtin_prefetch(from + i + j + 128, 0, 2);
      a ^= from[i + j];
      b ^= from[i + j + 1];
      c ^= from[i + j + 2];
      d ^= from[i + j + 3];
    }
  }
  a ^= b ^ c ^ d;
  return a[0] ^ a[1];
}

}  // namespace

void roof() {
  int32_t words = 640 << 17, threads = static_cast<int32_t>(std::max(1u, std::thread::hardware_concurrency()));
  vm_array a;
  void* memory;
  ok(vm_weight_alloc(&a, &memory, &words, 1, VM_UINT64));
  std::memset(memory, 1, static_cast<size_t>(words) * 8);
  auto* from = static_cast<const Words*>(memory);
  volatile uint64_t sink = 0;
  double t = best(7, [&] {
    std::vector<std::thread> readers;
    size_t share = static_cast<size_t>(words / 2 / threads);
    for (int i = 0; i < threads; i++) {
      readers.emplace_back([&, i] { sink = sink + sum_of(from + i * share, share); });
    }
    for (auto& reader : readers) {
      reader.join();
    }
  });
  free_all({a});
  std::printf("memory, %d threads: %.1f GB/s\n", threads, static_cast<double>(words) * 8 / t / 1e9);
}

namespace {

enum class Way { rows, panels, fast };
constexpr const char* kWays[] = {"rows", "panels", "panels, fast"};

void layer(int k, int n, int bits, Way way) {
  Random random(1);
  // Many copies of a layer, so that weights come from memory as they do in a model.
  double bytes = static_cast<double>(k) * n * (bits == 0 ? 2 : bits / 8.0 + 4.0 / 64);
  int copies = std::max(1, static_cast<int>(600e6 / bytes));
  std::vector<TestWeight> ws;
  auto first = make_weight(random, n, k, bits, 64, VM_BFLOAT16);
  for (int i = 0; i < copies; i++) {
    auto copy = in_slab(first, false);
    if (way != Way::rows) {
      to_panels(copy);
    }
    ws.push_back(copy);
  }
  ok(vm_cpu_math_use(way == Way::fast ? VM_FAST : VM_EXACT));
  for (int m : {1, 2, 4, 8, 16, 32, 256}) {
    auto x = floats(random.normal(static_cast<size_t>(m) * k), {m, k});
    int used = m > 32 ? std::min(copies, 4) : m > 8 ? std::min(copies, 20) : copies;
    double t = best(m > 32 ? 3 : 5, [&] {
                 std::vector<vm_array> ys;
                 for (int i = 0; i < used; i++) {
                   ys.push_back(linear(x, ws[i]));
                 }
                 ok(vm_eval(ys.data(), used));
                 free_all(ys);
               }) / used;
    std::printf("%d bits, K %d, N %6d, %-12s, M %3d: %8.1f us %6.1f GB/s %6.1f GMAC/s\n", bits, k, n,
                kWays[static_cast<int>(way)], m, t * 1e6, bytes / t / 1e9, static_cast<double>(m) * n * k / t / 1e9);
    free_all({x});
  }
  for (auto& w : ws) {
    w.free();
  }
  first.free();
  ok(vm_cpu_math_use(VM_EXACT));
}

}  // namespace

void layers() {
  roof();
  for (int bits : {8, 4}) {
    for (auto way : {Way::rows, Way::panels, Way::fast}) {
      layer(1024, 4096, bits, way);
      layer(1024, 6144, bits, way);
      layer(3072, 1024, bits, way);
    }
  }
  layer(1024, 6144, 0, Way::rows);
}
