// Speed of attention over pages.
#include "bench.h"

namespace {

// Rows of sequences over pages: `per_sequence` rows each, the last at position keys - 1.
void attention_of(int heads, int kv_heads, int d, int bits, int rows, int per_sequence, int keys) {
  Random random(3);
  constexpr int n = 256;
  int m = rows / per_sequence;
  Tables tables(m, keys);
  vm_kv kv;
  ok(vm_kv_new(&kv, tables.all(), tables.all(), kv_heads, d, VM_FLOAT32, bits, 0));
  auto qkv = floats(random.normal(static_cast<size_t>(n) * (heads + 2 * kv_heads) * d), {n, (heads + 2 * kv_heads) * d});
  double write = 1e9;
  for (int j = 0; j < m; j++) {
    for (int from = 0; from < tables.pages * VM_PAGE; from += n) {
      std::vector<int32_t> sequences(n, j), positions(n);
      for (int i = 0; i < n; i++) {
        positions[i] = std::min(from, tables.pages * VM_PAGE - n) + i;
      }
      write = std::min(write, best(1, [&] {
                         vm_step step = tables.step(sequences, positions);
                         vm_array q;
                         ok(vm_kv_append(&q, kv, qkv, step, heads, kv_heads, d, 0, 0, 1e-6f, d, 1e6f, 1, 0, 0));
                         ok(vm_eval(&q, 1));
                         ok(vm_step_free(step));
                         free_all({q});
                       }));
    }
  }
  std::vector<int32_t> sequences, positions;
  double seen = 0;
  for (int i = 0; i < rows; i++) {
    sequences.push_back(i / per_sequence);
    positions.push_back(keys - per_sequence + i % per_sequence);
    seen += positions.back() + 1;
  }
  auto q = floats(random.normal(static_cast<size_t>(rows) * heads * d), {rows, heads * d});
  vm_step step = tables.step(sequences, positions);
  // Of the processors' time too: other programs share the machine.
  double processor = 1e9;
  double t = best(rows > 10 ? 6 : 30, [&] {
    auto start = std::clock();
    vm_array y;
    ok(vm_kv_attention(&y, q, kv, step, heads, 0.1f, 0, 0));
    ok(vm_eval(&y, 1));
    free_all({y});
    processor = std::min(processor, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  });
  uint64_t page_bytes;
  ok(vm_kv_page_bytes(kv, &page_bytes));
  double macs = 2.0 * heads * d * seen, bytes = static_cast<double>(tables.all()) * static_cast<double>(page_bytes);
  std::printf(
      "%2d bits, %d/%d heads of %d, %3d rows, %4d keys: %9.1f us %5.1f GB/s %5.1f GMAC/s; of processors %9.1f us, %5.1f GB/s %5.1f "
      "GMAC/s; 256 rows written in %.1f us\n",
      bits == 0 ? 32 : bits, heads, kv_heads, d, rows, keys, t * 1e6, bytes / t / 1e9, macs / t / 1e9, processor * 1e6,
      bytes / processor / 1e9, macs / processor / 1e9, write * 1e6);
  ok(vm_step_free(step));
  ok(vm_kv_free(&kv, 1));
  free_all({q, qkv});
}

}  // namespace

void attention() {
  for (int bits : {0, 8, 4}) {
    for (auto [rows, per_sequence] : {std::pair{1, 1}, {10, 1}, {256, 256}}) {
      for (int keys : {256, 1500, 4096, 8192}) {
        attention_of(16, 8, 128, bits, rows, per_sequence, keys);
        attention_of(6, 2, 64, bits, rows, per_sequence, keys);
      }
    }
  }
}
