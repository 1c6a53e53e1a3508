// Operations over whole rows: tokens, embeddings, choice.
#include <algorithm>
#include <cmath>

#include "checks.h"
#include "gpu/cuda_device.h"
#include "gpu/device_memory.h"
#include "gpu/gpu.h"
#include "gpu/kernel.h"
#include "mlx/backend/gpu/device_info.h"
#include "mlx/ops.h"

namespace vllmd::gpu {

namespace {

constexpr KernelText kTokens = {
#include "gpu/text/tokens.h"
};
constexpr KernelText kRows = {
#include "gpu/text/rows.h"
};
constexpr KernelText kEmbedding = {
#include "gpu/text/embedding.h"
};
constexpr int kThreads = 128;

bool independent = false;

}  // namespace

bool has_matrix_units() {
  if (pretend_cuda) {
    return true;
  }
  static const bool there = [] {
    if (!cuda::available()) {
      return false;
    }
    auto& info = mx::gpu::device_info(0);
    auto major = info.find("compute_capability_major");
    return major != info.end() && std::get<size_t>(major->second) >= 8;
  }();
  return there;
}

bool row_independent() { return independent; }
void set_row_independent(bool on) { independent = on; }

bool runs(const mx::Stream& s) { return s.device == mx::Device::gpu && !portable_on_cpu; }

Maybe embedding(const mx::array& ids, const Weight& w, mx::Stream s) {
  if (!w.scales || w.k % 8 != 0) {
    return std::nullopt;
  }
  auto scale = w.scales->dtype();
  static Kernels kernels;
  uint64_t key = (static_cast<uint64_t>(w.k) << 4 | w.bits) << 8 | w.group / 32 << 2 | type_code(scale);
  auto& kernel = kernels.of(key, [&]() -> KernelVariant {
    return {"VllmdGpuEmbedding",
            kEmbedding,
            {{"int", "ids"}, {"uint", "w"}, {"Scale", "scales"}, {"Scale", "biases"}},
            {"Scale", "out"},
            define("BITS", w.bits) + define("GROUP_SIZE", w.group) + define("DEPTH", w.k) +
                define("THREADS", kThreads) + alias_type("Scale", type_of(scale)),
            kThreads};
  });
  int n = ids.shape(0), groups = (w.k / 8 + kThreads - 1) / kThreads;
  return launch({kernel,
                 {dense(ids, s), dense(w.w, s), dense(*w.scales, s), dense(*w.biases, s)},
                 {n, w.k},
                 scale,
                 {w.n},
                 {groups, n, 1}},
                s);
}

Maybe rows(const mx::array& x, const std::vector<int32_t>& rows, mx::Stream s) {
  int m = static_cast<int>(rows.size()), n = x.shape(0);
  bool all = m == n;
  for (int i = 0; i < m && all; i++) {
    all = rows[i] == i;
  }
  if (all) {
    return x;
  }
  size_t bytes = x.shape(1) * x.itemsize();
  if (!on_cuda() || bytes % 16 != 0) {
    return std::nullopt;
  }
  int words = static_cast<int>(bytes / 16);
  static Kernels kernels;
  auto& kernel = kernels.of(words, [&]() -> KernelVariant {
    return {"VllmdGpuRows",
            kRows,
            {{"uint", "x"}, {"int", "chosen"}},
            {"uint", "out"},
            define("WORDS", words) + define("THREADS", kThreads),
            kThreads};
  });
  return launch({kernel, {dense(x, s), host_ints(rows)}, {m, x.shape(1)}, x.dtype(), {}, {m, 1, 1}}, s);
}

Maybe step_tokens(const Maybe& previous, const std::vector<int32_t>& from, const std::vector<int32_t>& ids,
                  mx::Stream s) {
  if (!previous) {
    return host_ints(ids);
  }
  static Kernels kernels;
  auto& kernel = kernels.of(0, [&]() -> KernelVariant {
    return {"VllmdGpuTokens",
            kTokens,
            {{"int", "previous"}, {"int", "choice"}},
            {"int", "out"},
            define("THREADS", kThreads),
            kThreads};
  });
  int n = static_cast<int>(ids.size());
  return launch({kernel, {dense(*previous, s), host_ints(from, ids)}, {n}, mx::int32, {n}, {1, 1, 1}}, s);
}

}  // namespace vllmd::gpu
