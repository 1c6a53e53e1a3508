// Operations over whole rows and whole pages.
#include "checks.h"

namespace {

#define WARPS 2
#define THREADS 64
using Value = bf16;
namespace rms_norm {
#define GPU_ARGUMENTS const int *params, const Value *x, const Value *weight, Value *out
#include "gpu/text/rms_norm.h"
#undef GPU_ARGUMENTS
}  // namespace rms_norm
namespace swiglu {
#define GPU_ARGUMENTS const int *params, const Value *x, Value *out
#include "gpu/text/swiglu.h"
#undef GPU_ARGUMENTS
}  // namespace swiglu
namespace argmax {
#define GPU_ARGUMENTS const int *params, const Value *x, int *out
#include "gpu/text/argmax.h"
#undef GPU_ARGUMENTS
}  // namespace argmax
namespace tokens {
#define GPU_ARGUMENTS const int *params, const int *previous, const int *choice, int *out
#include "gpu/text/tokens.h"
#undef GPU_ARGUMENTS
}  // namespace tokens
namespace rows {
#define WORDS 3
#define GPU_ARGUMENTS const uint *x, const int *chosen, uint *out
#include "gpu/text/rows.h"
#undef GPU_ARGUMENTS
}  // namespace rows
#undef DEPTH
#define DEPTH 192
#define BITS_AND_GROUP
namespace embedding_8 {
#undef BITS
#undef GROUP_SIZE
#define BITS 8
#define GROUP_SIZE 64
using Scale = bf16;
#define GPU_ARGUMENTS \
  const int *params, const int *ids, const uint *w, const Scale *scales, const Scale *biases, Value *out
#include "gpu/text/embedding.h"
}  // namespace embedding_8
namespace embedding_4 {
#undef BITS
#define BITS 4
using Scale = bf16;
#include "gpu/text/embedding.h"
#undef GPU_ARGUMENTS
}  // namespace embedding_4
namespace copy_pages {
#define HEAD_DIM 64
using Cached = bf16;
#define GPU_ARGUMENTS \
  const int *params, const int *tokens, const Cached *keys, const Cached *values, const int *copies, int *out
#include "gpu/text/copy_pages.h"
#undef GPU_ARGUMENTS
}  // namespace copy_pages
namespace gather_pages {
using Cached = bf16;
#define GPU_ARGUMENTS const int *params, const Cached *pages, const int *step, Cached *out
#include "gpu/text/gather_pages.h"
#undef GPU_ARGUMENTS
}  // namespace gather_pages

}  // namespace

void check_rows() {
  {
    int n = 3, k = 1096;
    auto x = reals<bf16>(n * k), weight = reals<bf16>(k);
    Memory<bf16> out(n * k);
    int params[] = {k, bits_of(1e-5f)};
    emulation::launch(n, 1, 1, THREADS, [&] { rms_norm::body(params, x.data(), weight.data(), out.data()); });
    std::vector<double> wanted;
    for (int row = 0; row < n; row++) {
      double squares = 0;
      for (int i = 0; i < k; i++) {
        squares += static_cast<double>(to_float(x[row * k + i])) * to_float(x[row * k + i]);
      }
      for (int i = 0; i < k; i++) {
        wanted.push_back(to_float(x[row * k + i]) / std::sqrt(squares / k + 1e-5) * to_float(weight[i]));
      }
    }
    report(worst(out, wanted) < 5e-3, "rms_norm", worst(out, wanted));
  }
  {
    int n = 2, f = 520;
    auto x = reals<bf16>(n * 2 * f);
    Memory<bf16> out(n * f);
    int params[] = {f};
    emulation::launch((f + 8 * THREADS - 1) / (8 * THREADS), n, 1, THREADS,
                      [&] { swiglu::body(params, x.data(), out.data()); });
    std::vector<double> wanted;
    for (int i = 0; i < n * f; i++) {
      double gate = to_float(x[i / f * 2 * f + i % f]), up = to_float(x[i / f * 2 * f + f + i % f]);
      wanted.push_back(gate / (1 + std::exp(-gate)) * up);
    }
    report(worst(out, wanted) < 5e-3, "swiglu", worst(out, wanted));
  }
  for (int v : {1, 7, 1000, 3001}) {
    int n = 4;
    auto x = reals<bf16>(n * v);
    for (int i = 0; i < n * v / 3; i++) {
      store(&x[below(n * v)], 2.5f);  // equals
    }
    Memory<int> out(n);
    int params[] = {v};
    emulation::launch(n, 1, 1, THREADS, [&] { argmax::body(params, x.data(), out.data()); });
    for (int row = 0; row < n; row++) {
      int best = 0;
      for (int i = 0; i < v; i++) {
        best = to_float(x[row * v + i]) > to_float(x[row * v + best]) ? i : best;
      }
      report(out[row] == best, "argmax of " + std::to_string(v), out[row]);
    }
  }
  {
    int previous[] = {5, 6, 7}, choice[] = {2, -1, 0, 9, 8, 7}, params[] = {3};
    Memory<int> out(3);
    emulation::launch(1, 1, 1, THREADS, [&] { tokens::body(params, previous, choice, out.data()); });
    report(out[0] == 7 && out[1] == 8 && out[2] == 5 && out.margins_whole(), "tokens");
  }
  {
    Memory<uint> x(5 * 12), out(3 * 12);
    for (uint i = 0; i < x.size(); i++) {
      x[i] = i;
    }
    int chosen[] = {4, 0, 4};
    emulation::launch(3, 1, 1, THREADS, [&] { rows::body(x.data(), chosen, out.data()); });
    bool same = out.margins_whole();
    for (uint i = 0; i < out.size(); i++) {
      same = same && out[i] == static_cast<uint>(chosen[i / 12]) * 12 + i % 12;
    }
    report(same, "rows");
  }
  for (int bits : {8, 4}) {
    int v = 7, ids[] = {6, 0, 3, 99}, params[] = {v};
    Memory<uint> w(static_cast<size_t>(v) * DEPTH * bits / 32);
    for (size_t i = 0; i < w.size(); i++) {
      w[i] = static_cast<uint>(engine());
    }
    auto scales = reals<bf16>(v * DEPTH / 64), biases = reals<bf16>(v * DEPTH / 64);
    Memory<bf16> out(4 * DEPTH);
    emulation::launch(1, 4, 1, THREADS, [&] {
      bits == 8 ? embedding_8::body(params, ids, w.data(), scales.data(), biases.data(), out.data())
                : embedding_4::body(params, ids, w.data(), scales.data(), biases.data(), out.data());
    });
    std::vector<double> wanted;
    for (int i = 0; i < 4 * DEPTH; i++) {
      size_t at = static_cast<size_t>(std::min(ids[i / DEPTH], v - 1)) * DEPTH + i % DEPTH;
      uint code = w[at * bits / 32] >> (at * bits % 32) & ((1u << bits) - 1);
      wanted.push_back(code * static_cast<double>(to_float(scales[at / 64])) + to_float(biases[at / 64]));
    }
    report(worst(out, wanted) < 5e-3, "embedding of " + std::to_string(bits) + " bits", worst(out, wanted));
  }
  {
    int kv_heads = 2, d = 64, pages = 4, page = kv_heads * 64 * d;
    auto keys = reals<bf16>(pages * page), values = reals<bf16>(pages * page);
    std::vector<double> wanted_keys, wanted_values;
    for (int i = 0; i < pages * page; i++) {
      int from = i / page == 3 && i / d % 64 < 17 ? i - 2 * page : i / page == 0 ? i + 2 * page : i;
      wanted_keys.push_back(to_float(keys[from]));
      wanted_values.push_back(to_float(values[from]));
    }
    int copies[] = {3, 1, 17, 0, 2, 64}, tokens[] = {3, 2, 1}, params[] = {kv_heads, 3};
    Memory<int> out(3);
    emulation::launch(kv_heads, 2, 1, THREADS,
                      [&] { copy_pages::body(params, tokens, keys.data(), values.data(), copies, out.data()); });
    report(worst(keys, wanted_keys) == 0 && worst(values, wanted_values) == 0, "copy_pages");
    report(out[0] == 3 && out[1] == 2 && out[2] == 1, "tokens after copy_pages");

    int step[] = {9, 9, 2, 0}, gather[] = {kv_heads, 70, 2};
    Memory<bf16> together(kv_heads * 70 * d);
    emulation::launch(2, kv_heads, 1, THREADS, [&] { gather_pages::body(gather, keys.data(), step, together.data()); });
    std::vector<double> wanted;
    for (int i = 0; i < kv_heads * 70 * d; i++) {
      int head = i / (70 * d), position = i / d % 70;
      wanted.push_back(to_float(keys[((step[2 + position / 64] * kv_heads + head) * 64 + position % 64) * d + i % d]));
    }
    report(worst(together, wanted) == 0, "gather_pages");
  }
}
