// Attention over pages, in one split and in several.
#include "checks.h"

namespace {

#define DIRECT 1
namespace attention_128 {
#define HEAD_DIM 128
#define LANES 16
#define QUERIES 4
#define KEYS 4
#define WARPS 2
using Value = bf16;
using Cached = bf16;
#define GPU_ARGUMENTS \
  const int *params, const Value *q, const Cached *keys, const Cached *values, const int *step, Value *out
#include "gpu/text/attention.h"
#undef QUERIES
#undef LANES
#undef HEAD_DIM
}  // namespace attention_128
namespace attention_96 {
#define HEAD_DIM 96
#define LANES 16
#define QUERIES 3
using Value = float;
using Cached = float;
#include "gpu/text/attention.h"
#undef QUERIES
#undef LANES
#undef HEAD_DIM
}  // namespace attention_96
#undef DIRECT
#undef GPU_ARGUMENTS
#define DIRECT 0
#define GPU_ARGUMENTS \
  const int *params, const Value *q, const Cached *keys, const Cached *values, const int *step, float *out
namespace attention_64 {
#define HEAD_DIM 64
#define LANES 8
#define QUERIES 2
using Value = f16;
using Cached = f16;
#include "gpu/text/attention.h"
#undef QUERIES
#undef LANES
#undef GPU_ARGUMENTS
#define GPU_ARGUMENTS const int *params, const float *partials, const int *step, Value *out
namespace merge {
#include "gpu/text/merge.h"
}
#undef HEAD_DIM
}  // namespace attention_64
namespace attention_256 {
#define HEAD_DIM 256
#define LANES 32
#define QUERIES 1
#undef GPU_ARGUMENTS
#define GPU_ARGUMENTS \
  const int *params, const Value *q, const Cached *keys, const Cached *values, const int *step, float *out
using Value = float;
using Cached = bf16;
#include "gpu/text/attention.h"
#undef GPU_ARGUMENTS
#define GPU_ARGUMENTS const int *params, const float *partials, const int *step, Value *out
namespace merge {
#include "gpu/text/merge.h"
}
#undef QUERIES
#undef LANES
#undef HEAD_DIM
}  // namespace attention_256
#undef DIRECT
#undef KEYS
#undef GPU_ARGUMENTS
#define GPU_ARGUMENTS \
  const int *params, const Value *q, const int *step, const Cached *keys, const Cached *values, Value *out
#define BLOCK 64
namespace tiles_128 {
#define HEAD_DIM 128
using Value = bf16;
using Cached = bf16;
#include "gpu/text/tile_attention.h"
#undef HEAD_DIM
}  // namespace tiles_128
namespace tiles_64 {
#define HEAD_DIM 64
using Value = f16;
using Cached = f16;
#include "gpu/text/tile_attention.h"
#undef HEAD_DIM
}  // namespace tiles_64
#undef WARPS
#define WARPS 3
namespace tiles_96 {
#define HEAD_DIM 96
using Value = bf16;
using Cached = bf16;
#include "gpu/text/tile_attention.h"
#undef HEAD_DIM
}  // namespace tiles_96
#undef WARPS
#define WARPS 2
#undef BLOCK
#define BLOCK 32
namespace tiles_256 {
#define HEAD_DIM 256
using Value = f16;
using Cached = f16;
#include "gpu/text/tile_attention.h"
#undef HEAD_DIM
}  // namespace tiles_256
#undef BLOCK
#undef GPU_ARGUMENTS

int splits_of(int keys) {
  int size = split_size(keys);
  return (keys + size - 1) / size;
}

template <typename Value, typename Cached, typename Run>
void check_attention(const std::string& name, Heads h, const std::vector<Sequence>& sequences, int window, double limit,
                     Run&& run) {
  Step step(sequences);
  int n = step.rows();
  size_t arena = static_cast<size_t>(step.pages) * h.kv_heads * 64 * h.d;
  auto q = reals<Value>(static_cast<size_t>(n) * h.heads * h.d);
  auto keys = reals<Cached>(arena), values = reals<Cached>(arena);
  float scale = 1 / std::sqrt(static_cast<float>(h.d));
  std::vector<double> wanted;
  int splits = 1;
  for (int row = 0; row < n; row++) {
    int p = step.positions[row], first = step.words[4 * row + 2], sinks = step.words[4 * row + 3];
    int begin = std::max(first, window > 0 ? std::max(0, p - window + 1) : 0);
    std::vector<int> seen;
    for (int at = 0; at <= p; at++) {
      if (at >= begin || at < sinks) {
        seen.push_back(at);
      }
    }
    splits = std::max(splits, splits_of(static_cast<int>(seen.size())));
    for (int head = 0; head < h.heads; head++) {
      int kv = head / (h.heads / h.kv_heads);
      std::vector<double> out(h.d), scores;
      double top = -INFINITY, total = 0;
      for (int at : seen) {
        double dot = 0;
        for (int i = 0; i < h.d; i++) {
          dot += static_cast<double>(to_float(q[(static_cast<size_t>(row) * h.heads + head) * h.d + i])) *
                 to_float(keys[step.at(row, at, kv, h.kv_heads, h.d) + i]);
        }
        scores.push_back(dot * scale);
        top = std::max(top, scores.back());
      }
      for (size_t s = 0; s < seen.size(); s++) {
        double e = std::exp(scores[s] - top);
        total += e;
        for (int i = 0; i < h.d; i++) {
          out[i] += e * to_float(values[step.at(row, seen[s], kv, h.kv_heads, h.d) + i]);
        }
      }
      for (double x : out) {
        wanted.push_back(x / total);
      }
    }
  }
  int tiles = (h.heads / h.kv_heads + h.queries - 1) / h.queries;
  int params[] = {h.heads, h.kv_heads, n, -1, window, bits_of(scale * 1.44269504f), splits, tiles, 0};
  Memory<Value> out(q.size());
  run(params, q, keys, values, step.words.data(), out);
  report(worst(out, wanted) < limit, "attention " + name, worst(out, wanted));
}

}  // namespace

void check_attentions() {
  auto direct = [](auto body) {
    return [=](int* params, auto& q, auto& keys, auto& values, int* step, auto& out) {
      emulation::launch(params[1] * params[7], 1, params[2], 32 * WARPS,
                        [&] { body(params, q.data(), keys.data(), values.data(), step, out.data()); });
    };
  };
  check_attention<bf16, bf16>("heads 8/2 of 128", {8, 2, 128, 4}, {{1, 0, 0, 1}, {64, 0, 0, 1}, {200, 0, 0, 3}}, 0,
                              8e-3, direct(attention_128::body));
  check_attention<bf16, bf16>("heads 6/2 of 128, window", {6, 2, 128, 4}, {{250, 0, 4, 1}, {66, 3, 2, 2}}, 40, 8e-3,
                              direct(attention_128::body));
  check_attention<float, float>("heads 6/2 of 96, first and sinks", {6, 2, 96, 3}, {{130, 70, 5, 1}, {9, 0, 0, 9}}, 0,
                                1e-5, direct(attention_96::body));
  // Runs of rows, in tiles of as many as fit; the list of tiles follows the tables.
  auto tiled = [](auto body, int warps, int abreast) {
    return [=](int* params, auto& q, auto& keys, auto& values, int* step, auto& out) {
      int n = params[2], per_tile = 16 * warps / abreast;
      std::vector<int> words(step, step + 4 * n), list;
      int tables = 0;
      for (int row = 0; row < n; row++) {
        tables = std::max(tables, step[4 * row + 1] + step[4 * row] / 64 + 1);
      }
      words.insert(words.end(), step + 4 * n, step + 4 * n + tables);
      for (int row = 0; row < n;) {
        int end = row + 1;
        while (end < n && end - row < per_tile && step[4 * end + 1] == step[4 * row + 1]) {
          end++;
        }
        list.insert(list.end(), {row, end - row});
        row = end;
      }
      params[3] = static_cast<int>(words.size());
      words.insert(words.end(), list.begin(), list.end());
      int group = params[0] / params[1];
      params[6] = (group + abreast - 1) / abreast;
      params[7] = abreast;
      emulation::launch(static_cast<int>(list.size()) / 2, params[1] * params[6], 1, 32 * warps,
                        [&] { body(params, q.data(), words.data(), keys.data(), values.data(), out.data()); });
    };
  };
  check_attention<bf16, bf16>("heads 4/2 of 128 in tiles", {4, 2, 128, 4},
                              {{70, 0, 0, 70}, {150, 0, 0, 3}, {1, 0, 0, 1}}, 0, 8e-3, tiled(tiles_128::body, 2, 2));
  check_attention<f16, f16>("heads 4/1 of 64 in tiles, window", {4, 1, 64, 4}, {{200, 0, 5, 40}, {300, 200, 70, 9}}, 50,
                            2e-3, tiled(tiles_64::body, 2, 4));
  check_attention<bf16, bf16>("heads 5/1 of 96 in tiles", {5, 1, 96, 4}, {{67, 0, 0, 35}}, 0, 8e-3,
                              tiled(tiles_96::body, 3, 3));
  check_attention<f16, f16>("heads 2/2 of 256 in tiles", {2, 2, 256, 4}, {{100, 10, 2, 40}}, 0, 2e-3,
                            tiled(tiles_256::body, 2, 1));

  auto split = [](auto body, auto merge, int d) {
    return [=](int* params, auto& q, auto& keys, auto& values, int* step, auto& out) {
      Memory<float> partials(static_cast<size_t>(params[2]) * params[0] * params[6] * (d + 2));
      emulation::launch(params[1] * params[7], params[6], params[2], 32 * WARPS,
                        [&] { body(params, q.data(), keys.data(), values.data(), step, partials.data()); });
      emulation::launch(params[0], params[2], 1, d, [&] { merge(params, partials.data(), step, out.data()); });
      report(partials.margins_whole(), "partials written past the ends");
    };
  };
  check_attention<f16, f16>("heads 4/2 of 64 in splits", {4, 2, 64, 2}, {{700, 0, 0, 1}, {30, 0, 0, 2}, {257, 0, 0, 1}},
                            0, 2e-3, split(attention_64::body, attention_64::merge::body, 64));
  check_attention<float, bf16>("heads 2/2 of 256 in splits", {2, 2, 256, 1}, {{300, 0, 0, 1}, {20, 0, 0, 1}}, 0, 1e-5,
                               split(attention_256::body, attention_256::merge::body, 256));
}
