// Attention over pages: a row's keys are found through its table, with no mask and no gathering.
#include <algorithm>

#include "gpu/cuda_device.h"
#include "gpu/fused_attention.h"
#include "gpu/gpu.h"
#include "gpu/kernel.h"
#include "gpu/step_words.h"
#include "mlx/fast.h"
#include "mlx/ops.h"

namespace vllmd::gpu {

namespace {

constexpr KernelText kAttention = {
#include "gpu/text/attention.h"
};
constexpr KernelText kMerge = {
#include "gpu/text/merge.h"
};
constexpr KernelText kTiles = {
#include "gpu/text/tile_attention.h"
};
constexpr KernelText kGather = {
#include "gpu/text/gather_pages.h"
};

constexpr float kLog2E = 1.44269504088896f;

int visible(const StepRows& rows, int row, int window) {
  int begin = std::min(rows.begin(row, window), rows.positions[row] + 1);
  return std::min(rows.run(row).sinks, begin) + rows.positions[row] + 1 - begin;
}

// As split_size of common.h.
int splits_of(int keys) {
  int size = keys <= 256 ? 256 : 128;
  while (size * 32 < keys) {
    size *= 2;
  }
  return (keys + size - 1) / size;
}

struct Attend {
  const Pages& pages;
  const StepRows& rows;
  const mx::array& words;
  int heads;
  float scale;
  int window;
  mx::Stream s;

  int d() const { return pages.format.head_dim; }
  int kv_heads() const { return pages.format.kv_heads; }
  int heads_of_kv_head() const { return heads / kv_heads(); }

  // The rows that `list` names, which begins at `at` in the words; of all rows in order where it begins at -1. A row of
  // the result per row of the list where `compact`, else it has all rows of the step, and only these are written.
  mx::array singly(const mx::array& q, const std::vector<int32_t>& list, int at, bool compact) const {
    int group = heads_of_kv_head(), queries = std::min(group, d() == 256 ? 2 : d() == 64 ? 8 : 4);
    int tiles = (group + queries - 1) / queries, n = at < 0 ? rows.size() : static_cast<int>(list.size()), splits = 1;
    for (int i = 0; i < n; i++) {
      splits = std::max(splits, splits_of(visible(rows, at < 0 ? i : list[i], window)));
    }
    bool direct = splits == 1;
    auto value = q.dtype(), cached = pages.format.dtype;
    Params params{heads, kv_heads(), rows.size(), at, window, bits_of(scale * kLog2E), splits, tiles, compact};
    mx::Shape whole{compact ? n : rows.size(), heads * d()};
    Launch call{row_kernel(value, queries, direct),
                {q, words, pages.device->keys.values, pages.device->values.values},
                direct ? whole : mx::Shape{n, heads, splits, d() + 2},
                direct ? value : mx::float32,
                params,
                {kv_heads() * tiles, splits, n}};
    call.untracked = 2;
    auto out = launch(std::move(call), s);
    return direct ? out : launch({merge_kernel(value), {out, words}, whole, value, params, {heads, n, 1}}, s);
  }

  const Kernel& row_kernel(mx::Dtype value, int queries, bool direct) const {
    constexpr int kWarps = 8;
    auto cached = pages.format.dtype;
    uint64_t key =
        static_cast<uint64_t>(d()) << 12 | queries << 8 | direct << 4 | type_code(value) << 2 | type_code(cached);
    static Kernels kernels;
    return kernels.of(key, [&]() -> KernelVariant {
      int lanes = d() == 64 ? 8 : d() == 256 ? 32 : 16;
      return {"VllmdGpuAttention",
              kAttention,
              {{"Value", "q"}, {"int", "step"}, {"Cached", "keys"}, {"Cached", "values"}},
              {direct ? "Value" : "float", "out"},
              define("HEAD_DIM", d()) + define("QUERIES", queries) + define("LANES", lanes) +
                  define("KEYS", d() == 256 ? 2 : 4) + define("WARPS", kWarps) + define("DIRECT", direct) +
                  alias_type("Value", type_of(value)) + alias_type("Cached", type_of(cached)),
              32 * kWarps};
    });
  }

  const Kernel& merge_kernel(mx::Dtype value) const {
    static Kernels kernels;
    return kernels.of(static_cast<uint64_t>(d()) << 2 | type_code(value), [&]() -> KernelVariant {
      return {"VllmdGpuMerge",
              kMerge,
              {{"float", "partials"}, {"int", "step"}},
              {"Value", "out"},
              define("HEAD_DIM", d()) + alias_type("Value", type_of(value)),
              d()};
    });
  }

  // The rows of the tiles, into an array of all rows of the step: `into`, in which others are written already, or a new
  // one.
  mx::array tiled(const mx::array& q, const Sharing& sharing, const Maybe& into) const {
    auto value = q.dtype();
    static Kernels kernels;
    uint64_t key = static_cast<uint64_t>(d()) << 8 | sharing.warps << 4 | type_code(value);
    auto& kernel = kernels.of(key, [&]() -> KernelVariant {
      return {"VllmdGpuTileAttention",
              kTiles,
              {{"Value", "q"}, {"int", "step"}, {"Value", "others"}, {"Cached", "keys"}, {"Cached", "values"}},
              {"Value", "out"},
              define("HEAD_DIM", d()) + define("WARPS", sharing.warps) + define("BLOCK", d() == 256 ? 32 : 64) +
                  alias_type("Value", type_of(value)) + alias_type("Cached", type_of(value)),
              32 * sharing.warps};
    });
    int head_tiles = (heads_of_kv_head() + sharing.abreast - 1) / sharing.abreast;
    Launch call{kernel,
                {q, words, into ? *into : q, pages.device->keys.values, pages.device->values.values},
                {rows.size(), heads * d()},
                value,
                {heads, kv_heads(), rows.size(), tiles_at(rows, sharing), window, bits_of(scale * kLog2E), head_tiles,
                 sharing.abreast},
                {static_cast<int>(sharing.tiles.size()) / 2, kv_heads() * head_tiles, 1}};
    call.untracked = 3;
    call.alias = into ? 2 : -1;
    return launch(std::move(call), s);
  }

  // The rows of a long run, which all see every position before them: MLX's fused attention over the gathered pages.
  mx::array together(const mx::array& q, const SequenceRows& run) const {
    int keys = rows.positions[run.row + run.count - 1] + 1;
    auto dtype = pages.format.dtype;
    static Kernels kernels;
    auto& kernel = kernels.of(static_cast<uint64_t>(d()) << 2 | type_code(dtype), [&]() -> KernelVariant {
      return {"VllmdGpuGather",
              kGather,
              {{"int", "step"}, {"int", "after"}, {"Cached", "pages"}},
              {"Cached", "out"},
              define("HEAD_DIM", d()) + define("THREADS", 256) + alias_type("Cached", type_of(dtype)),
              256};
    });
    auto gathered = [&](const mx::array& part) {
      // q is an input so that the rows of this step are written before: it came out of their writing.
      Launch call{kernel,
                  {words, q, part},
                  {1, kv_heads(), keys, d()},
                  dtype,
                  {kv_heads(), keys, 4 * rows.size() + run.table},
                  {(keys + kPage - 1) / kPage, kv_heads(), 1}};
      call.untracked = 2;
      return launch(std::move(call), s);
    };
    auto x = mx::slice(q, {run.row, 0}, {run.row + run.count, heads * d()}, s);
    x = mx::transpose(mx::reshape(mx::astype(x, dtype, s), {1, run.count, heads, d()}, s), {0, 2, 1, 3}, s);
    auto k = gathered(pages.device->keys.values), v = gathered(pages.device->values.values);
    auto y =
        mx::fast::scaled_dot_product_attention(x, k, v, scale, "causal", {}, {}, force_fused_attention(d(), keys), s);
    return mx::astype(mx::reshape(mx::transpose(y, {0, 2, 1, 3}, s), {run.count, heads * d()}, s), q.dtype(), s);
  }

  // Where there are no tiles: long runs that see all before them together, the others row by row.
  mx::array in_parts(const mx::array& q, const Sharing& sharing) const {
    auto goes = [&](const SequenceRows& run) { return goes_together(rows, run, window); };
    if (std::none_of(rows.runs.begin(), rows.runs.end(), goes)) {
      return singly(q, {}, -1, true);
    }
    std::vector<mx::array> parts;
    Maybe singles;
    if (!sharing.singles.empty()) {
      singles = singly(q, sharing.singles, singles_at(rows), true);
    }
    int next = 0;
    for (auto& run : rows.runs) {
      if (goes(run)) {
        parts.push_back(together(q, run));
      } else {
        parts.push_back(mx::slice(*singles, {next, 0}, {next + run.count, q.shape(1)}, s));
        next += run.count;
      }
    }
    return parts.size() == 1 ? parts[0] : mx::concatenate(std::move(parts), 0, s);
  }
};

}  // namespace

Maybe attention(const mx::array& q, Pages& pages, Step& step, int heads, float scale, int window, mx::Stream s) {
  int d = pages.format.head_dim;
  if (!has_kernel(pages) || (d != 64 && d != 96 && d != 128 && d != 256)) {
    return std::nullopt;
  }
  auto& rows = *step.rows();
  auto x = dense(q, s);
  bool tiles = has_tiles(pages, x.dtype());
  auto sharing = tiles ? share(rows, heads / pages.format.kv_heads, true) : share_singles(rows, window);
  Attend attend{pages, rows, words_of(step, sharing, s), heads, scale, window, s};
  if (!tiles) {
    return attend.in_parts(x, sharing);
  }
  if (sharing.all_single()) {
    return attend.singly(x, {}, -1, true);
  }
  Maybe singles;
  if (!sharing.singles.empty()) {
    singles = attend.singly(x, sharing.singles, singles_at(rows), false);
  }
  return attend.tiled(x, sharing, singles);
}

}  // namespace vllmd::gpu
