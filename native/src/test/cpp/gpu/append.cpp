// Writing rows into pages.
#include "checks.h"

namespace {

#define WARPS 2
#define GPU_ARGUMENTS                                                                                                 \
  const int *params, const Value *qkv, const Cached *keys, const Cached *values, const int *step, const float *turns, \
      const Norm *q_norm, const Norm *k_norm, Value *out
namespace append_plain {
#define HEAD_DIM 64
#define ROPE_DIMS 64
#define Q_NORM 0
#define K_NORM 0
using Value = bf16;
using Cached = bf16;
using Norm = bf16;
#include "gpu/text/append.h"
#undef HEAD_DIM
#undef ROPE_DIMS
#undef Q_NORM
#undef K_NORM
}  // namespace append_plain
namespace append_normed {
#define HEAD_DIM 96
#define ROPE_DIMS 40
#define Q_NORM 1
#define K_NORM 1
using Value = float;
using Cached = float;
using Norm = bf16;
#include "gpu/text/append.h"
#undef HEAD_DIM
#undef ROPE_DIMS
#undef Q_NORM
#undef K_NORM
}  // namespace append_normed
#undef GPU_ARGUMENTS

template <typename Value, typename Body>
void check_append(const std::string& name, Heads h, int rope_dims, bool norm, double limit, Body body) {
  Step step({{1, 0, 0, 1}, {70, 0, 0, 3}, {100'000, 0, 0, 1}});
  int n = step.rows(), per_row = h.heads + 2 * h.kv_heads;
  auto qkv = reals<Value>(static_cast<size_t>(n) * per_row * h.d);
  size_t arena = static_cast<size_t>(step.pages) * h.kv_heads * 64 * h.d;
  auto keys = reals<Value>(arena), values = reals<Value>(arena);
  std::vector<double> wanted_keys, wanted_values, wanted;
  for (size_t i = 0; i < arena; i++) {
    wanted_keys.push_back(to_float(keys[i]));
    wanted_values.push_back(to_float(values[i]));
  }
  auto q_norm = reals<bf16>(h.d), k_norm = reals<bf16>(h.d);
  Memory<float> turns(rope_dims);
  auto per_position = [&](int i) { return std::pow(1e6, -2.0 * i / rope_dims) / 6.283185307179586476925; };
  for (int i = 0; i < rope_dims / 2; i++) {
    turns[i] = static_cast<float>(per_position(i));
    turns[rope_dims / 2 + i] = static_cast<float>(per_position(i) - turns[i]);
  }
  for (int row = 0; row < n; row++) {
    for (int head = 0; head < per_row; head++) {
      std::vector<double> x(h.d);
      double squares = 0;
      for (int i = 0; i < h.d; i++) {
        x[i] = to_float(qkv[(static_cast<size_t>(row) * per_row + head) * h.d + i]);
        squares += x[i] * x[i];
      }
      bool query = head < h.heads, value = head >= h.heads + h.kv_heads;
      if (!value) {
        for (int i = 0; norm && i < h.d; i++) {
          x[i] *= to_float(query ? q_norm[i] : k_norm[i]) / std::sqrt(squares / h.d + 1e-6);
        }
        for (int i = 0; i < rope_dims / 2; i++) {
          double angle = 6.283185307179586476925 * std::remainder(step.positions[row] * per_position(i), 1.0);
          double a = x[i], b = x[i + rope_dims / 2];
          x[i] = a * std::cos(angle) - b * std::sin(angle);
          x[i + rope_dims / 2] = b * std::cos(angle) + a * std::sin(angle);
        }
      }
      if (query) {
        wanted.insert(wanted.end(), x.begin(), x.end());
      } else {
        int kv = (head - h.heads) % h.kv_heads;
        std::copy(x.begin(), x.end(),
                  (value ? wanted_values : wanted_keys).begin() +
                      static_cast<long>(step.at(row, step.positions[row], kv, h.kv_heads, h.d)));
      }
    }
  }
  int params[] = {h.heads, h.kv_heads, n, bits_of(1e-6f)};
  Memory<Value> out(static_cast<size_t>(n) * h.heads * h.d);
  emulation::launch((per_row + WARPS - 1) / WARPS, n, 1, 32 * WARPS, [&] {
    body(params, qkv.data(), keys.data(), values.data(), step.words.data(), turns.data(), q_norm.data(), k_norm.data(),
         out.data());
  });
  report(worst(out, wanted) < limit, "queries " + name, worst(out, wanted));
  report(worst(keys, wanted_keys) < limit, "keys " + name, worst(keys, wanted_keys));
  report(worst(values, wanted_values) < limit, "values " + name, worst(values, wanted_values));
}
}  // namespace

void check_appends() {
  check_append<bf16>("heads 4/2 of 64", {4, 2, 64, 0}, 64, false, 8e-3, append_plain::body);
  check_append<float>("heads 3/1 of 96, normed, partly turned", {3, 1, 96, 0}, 40, true, 2e-5, append_normed::body);
}
