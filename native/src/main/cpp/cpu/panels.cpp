#include "cpu/panels.h"

#include <cstring>
#include <vector>

#include "cpu/thread_pool.h"

namespace vllmd::cpu {

namespace {

// Panels of `columns` elements a row: rows side by side.
template <typename T>
void interleave(T* values, int panels, size_t columns) {
  ThreadPool::instance().run(panels, [&](int p) {
    T* panel = values + static_cast<size_t>(p) * kPanel * columns;
    std::vector<T> rows(panel, panel + kPanel * columns);
    for (size_t i = 0; i < columns; i++) {
      for (int r = 0; r < kPanel; r++) {
        panel[i * kPanel + r] = rows[r * columns + i];
      }
    }
  });
}

}  // namespace

void to_panels(void* values, void* scales, void* biases, int n, int k, int group, int bits, int real_bytes) {
  int panels = n / kPanel;
  interleave(static_cast<uint32_t*>(values), panels, static_cast<size_t>(k) * bits / 32);
  for (void* part : {scales, biases}) {
    if (real_bytes == 2) {
      interleave(static_cast<uint16_t*>(part), panels, k / group);
    } else {
      interleave(static_cast<uint32_t*>(part), panels, k / group);
    }
  }
}

}  // namespace vllmd::cpu
