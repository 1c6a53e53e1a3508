// Pages of keys and values by kernels of our own: what is written goes into the arrays in place, and a row's keys are
// found through its table, with no mask and no gathering.
#include <algorithm>
#include <cmath>

#include "gpu/cuda_device.h"
#include "gpu/device_memory.h"
#include "gpu/gpu.h"
#include "gpu/kernel.h"
#include "mlx/fast.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"

namespace vllmd::gpu {

namespace {

constexpr KernelText kAppend = {
#include "gpu/text/append.h"
};
constexpr KernelText kAttention = {
#include "gpu/text/attention.h"
};
constexpr KernelText kMerge = {
#include "gpu/text/merge.h"
};
constexpr KernelText kCopy = {
#include "gpu/text/copy_pages.h"
};
constexpr KernelText kGather = {
#include "gpu/text/gather_pages.h"
};
constexpr KernelText kUpload = {
#include "gpu/text/upload.h"
};

constexpr int kThreads = 128;

// An array on the device from the host's integers: on CUDA through memory that both reach, since what MLX makes there is
// managed memory, whose pages would move twice a step.
mx::array uploaded(const std::vector<int32_t>& values, mx::Stream s) {
  int n = static_cast<int>(values.size());
  if (!cuda::available()) {
    // Not fewer than eight, or Metal takes them for constants, which have another address space.
    auto padded = values;
    padded.resize(std::max(n, 8));
    return mx::array(padded.begin(), {static_cast<int>(padded.size())}, mx::int32);
  }
  auto x = host_array({n}, mx::int32);
  std::copy(values.begin(), values.end(), x.data<int32_t>());
  constexpr int kGroups = 8;
  static Kernels kernels;
  auto& kernel = kernels.of(0, [&]() -> KernelVariant {
    return {"VllmdGpuUpload",
            kUpload,
            {{"int", "x"}},
            {"int", "out"},
            define("THREADS", kThreads) + define("GROUPS", kGroups),
            kThreads};
  });
  return launch({kernel, {x}, {n}, mx::int32, {n}, {std::min(kGroups, (n + kThreads - 1) / kThreads), 1, 1}}, s);
}

// A step as the kernels read it: of each row position, table, first and sinks; then the tables.
const mx::array& words_of(Step& step, mx::Stream s) {
  return step.derived("gpu words", [&] {
    auto& rows = *step.rows();
    std::vector<int32_t> words;
    words.reserve(4 * rows.size() + rows.tables.size());
    for (int i = 0; i < rows.size(); i++) {
      auto& run = rows.run(i);
      words.insert(words.end(), {rows.positions[i], run.table, run.first, run.sinks});
    }
    words.insert(words.end(), rows.tables.begin(), rows.tables.end());
    return uploaded(words, s);
  });
}

// What each pair of a head turns by at one position, in parts of a turn, as high and low halves: [2, dims / 2].
mx::array turns_of(const RopeSpec& rope) {
  struct Known {
    RopeSpec rope;  // holds freqs, so that no other array can take its identity
    mx::array turns;
  };
  static std::vector<Known>& known = *new std::vector<Known>();
  auto identity = [](const Maybe& a) { return a ? a->id() : 0; };
  for (auto& k : known) {
    if (k.rope.dims == rope.dims && k.rope.base == rope.base && k.rope.scale == rope.scale &&
        identity(k.rope.freqs) == identity(rope.freqs)) {
      return k.turns;
    }
  }
  int half = rope.dims / 2;
  std::vector<double> angles(half);
  if (rope.freqs) {
    auto freqs = mx::contiguous(mx::astype(*rope.freqs, mx::float32, mx::Device::cpu), false, mx::Device::cpu);
    freqs.eval();
    for (int i = 0; i < half; i++) {
      angles[i] = 1.0 / static_cast<double>(freqs.data<float>()[i]);
    }
  } else {
    for (int i = 0; i < half; i++) {
      angles[i] = rope.scale * std::pow(static_cast<double>(rope.base), -2.0 * i / rope.dims);
    }
  }
  // At least eight, for Metal (see uploaded).
  std::vector<float> halves(std::max(8, 2 * half));
  for (int i = 0; i < half; i++) {
    double turn = angles[i] / 6.283185307179586476925;
    halves[i] = static_cast<float>(turn);
    halves[half + i] = static_cast<float>(turn - halves[i]);
  }
  // A model has one of these per kind of layer, and few models are loaded at once.
  if (known.size() >= 32) {
    known.erase(known.begin());
  }
  known.push_back({rope, mx::array(halves.begin(), {static_cast<int>(halves.size())}, mx::float32)});
  return known.back().turns;
}

bool has_kernel(const Pages& pages) { return pages.device && pages.format.bits == 0; }

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

// The rows that `list` names in the step's words (-1 = all of the step).
struct Chosen {
  std::vector<int> rows;
  int list = -1;
  const mx::array& words;
};

struct Attend {
  const Pages& pages;
  const StepRows& rows;
  int heads;
  float scale;
  int window;
  mx::Stream s;

  // One row of the result per chosen row.
  mx::array singly(const mx::array& q, const Chosen& chosen) const {
    auto& format = pages.format;
    int d = format.head_dim, kv_heads = format.kv_heads, group = heads / kv_heads;
    int queries = std::min(group, d == 256 ? 2 : d == 64 ? 8 : 4), tiles = (group + queries - 1) / queries;
    int n = static_cast<int>(chosen.rows.size()), splits = 1;
    for (int row : chosen.rows) {
      splits = std::max(splits, splits_of(visible(rows, row, window)));
    }
    auto value = q.dtype(), cached = format.dtype;
    uint64_t key =
        static_cast<uint64_t>(d) << 12 | queries << 8 | (splits == 1) << 4 | type_code(value) << 2 | type_code(cached);
    constexpr int kWarps = 8;
    static Kernels kernels, merges;
    auto& kernel = kernels.of(key, [&]() -> KernelVariant {
      int lanes = d == 64 ? 8 : d == 256 ? 32 : 16;
      return {"VllmdGpuAttention",
              kAttention,
              {{"Value", "q"}, {"int", "step"}, {"Cached", "keys"}, {"Cached", "values"}},
              {splits == 1 ? "Value" : "float", "out"},
              define("HEAD_DIM", d) + define("QUERIES", queries) + define("LANES", lanes) +
                  define("KEYS", d == 256 ? 2 : 4) + define("WARPS", kWarps) + define("DIRECT", splits == 1) +
                  alias_type("Value", type_of(value)) + alias_type("Cached", type_of(cached)),
              32 * kWarps};
    });
    Params params{heads, kv_heads, rows.size(), chosen.list, window, bits_of(scale * 1.44269504088896f), splits,
                  tiles, 1};
    mx::Shape whole{n, heads * d};
    Launch call{kernel,
                {q, chosen.words, pages.device->keys.values, pages.device->values.values},
                splits == 1 ? whole : mx::Shape{n, heads, splits, d + 2},
                splits == 1 ? value : mx::float32,
                params,
                {kv_heads * tiles, splits, n}};
    call.untracked = 2;
    auto out = launch(std::move(call), s);
    if (splits == 1) {
      return out;
    }
    auto& merge = merges.of(static_cast<uint64_t>(d) << 2 | type_code(value), [&]() -> KernelVariant {
      return {"VllmdGpuMerge",
              kMerge,
              {{"float", "partials"}, {"int", "step"}},
              {"Value", "out"},
              define("HEAD_DIM", d) + alias_type("Value", type_of(value)),
              d};
    });
    return launch({merge, {out, chosen.words}, whole, value, params, {heads, n, 1}}, s);
  }

  // The rows of a long run, which all see every position before them: MLX's fused attention over the gathered pages.
  mx::array together(const mx::array& q, const SequenceRows& run, const mx::array& words) const {
    auto& format = pages.format;
    int d = format.head_dim, kv_heads = format.kv_heads, keys = rows.positions[run.row + run.count - 1] + 1;
    static Kernels kernels;
    auto& kernel = kernels.of(static_cast<uint64_t>(d) << 2 | type_code(format.dtype), [&]() -> KernelVariant {
      return {"VllmdGpuGather",
              kGather,
              {{"int", "step"}, {"int", "after"}, {"Cached", "pages"}},
              {"Cached", "out"},
              define("HEAD_DIM", d) + define("THREADS", 256) + alias_type("Cached", type_of(format.dtype)),
              256};
    });
    auto gathered = [&](const mx::array& part) {
      // q is an input so that the rows of this step are written before: it came out of their writing.
      Launch call{kernel,
                  {words, q, part},
                  {1, kv_heads, keys, d},
                  format.dtype,
                  {kv_heads, keys, 4 * rows.size() + run.table},
                  {(keys + kPage - 1) / kPage, kv_heads, 1}};
      call.untracked = 2;
      return launch(std::move(call), s);
    };
    auto x = mx::slice(q, {run.row, 0}, {run.row + run.count, heads * d}, s);
    x = mx::transpose(mx::reshape(mx::astype(x, format.dtype, s), {1, run.count, heads, d}, s), {0, 2, 1, 3}, s);
    auto y = mx::fast::scaled_dot_product_attention(x, gathered(pages.device->keys.values),
                                                    gathered(pages.device->values.values), scale, "causal", {}, {},
                                                    false, s);
    return mx::astype(mx::reshape(mx::transpose(y, {0, 2, 1, 3}, s), {run.count, heads * d}, s), q.dtype(), s);
  }

  bool sees_all(const SequenceRows& run) const {
    int last = rows.positions[run.row + run.count - 1];
    return run.first == 0 && (window == 0 || last < window);
  }
};

// Runs of fewer rows go row by row.
constexpr int kLongRun = 16;

}  // namespace

Maybe append(const mx::array& qkv, Pages& pages, Step& step, HeadShape shape, const HeadNorm& norm,
             const RopeSpec& rope, mx::Stream s) {
  if (!has_kernel(pages)) {
    return std::nullopt;
  }
  int d = shape.head_dim, n = step.rows()->size();
  constexpr int kWarps = 4;
  auto value = qkv.dtype(), cached = pages.format.dtype;
  auto weight = norm.q ? norm.q->dtype() : norm.k ? norm.k->dtype() : value;
  if (norm.k && norm.k->dtype() != weight) {
    return std::nullopt;
  }
  static Kernels kernels;
  uint64_t key = static_cast<uint64_t>(d) << 32 | static_cast<uint64_t>(rope.dims) << 16 | norm.q.has_value() << 8 |
                 norm.k.has_value() << 7 | type_code(value) << 4 | type_code(cached) << 2 | type_code(weight);
  auto& kernel = kernels.of(key, [&]() -> KernelVariant {
    return {"VllmdGpuAppend",
            kAppend,
            {{"Value", "qkv"},
             {"int", "step"},
             {"float", "turns"},
             {"Norm", "q_norm"},
             {"Norm", "k_norm"},
             {"Cached", "keys"},
             {"Cached", "values"}},
            {"Value", "out"},
            define("HEAD_DIM", d) + define("ROPE_DIMS", rope.dims) + define("WARPS", kWarps) +
                define("Q_NORM", norm.q.has_value()) + define("K_NORM", norm.k.has_value()) +
                alias_type("Value", type_of(value)) + alias_type("Cached", type_of(cached)) +
                alias_type("Norm", type_of(weight)),
            32 * kWarps};
  });
  auto x = dense(qkv, s);
  // An absent weight's place is taken by the other or by x, which are not read there.
  auto part = [&](const Maybe& a, const Maybe& b) { return a ? dense(*a, s) : b ? dense(*b, s) : x; };
  Launch call{kernel,
              {x, words_of(step, s), turns_of(rope), part(norm.q, norm.k), part(norm.k, norm.q),
               pages.device->keys.values, pages.device->values.values},
              {n, shape.heads * d},
              value,
              {shape.heads, shape.kv_heads, n, bits_of(norm.eps)},
              {(shape.heads + 2 * shape.kv_heads + kWarps - 1) / kWarps, n, 1}};
  call.untracked = 5;
  return launch(std::move(call), s);
}

Maybe attention(const mx::array& q, Pages& pages, Step& step, int heads, float scale, int window, mx::Stream s) {
  int d = pages.format.head_dim;
  if (!has_kernel(pages) || (d != 64 && d != 96 && d != 128 && d != 256)) {
    return std::nullopt;
  }
  auto& rows = *step.rows();
  auto x = dense(q, s);
  Attend attend{pages, rows, heads, scale, window, s};
  std::vector<int> single;
  bool any_long = false;
  auto is_long = [&](const SequenceRows& run) {
    return run.count >= kLongRun && attend.sees_all(run) && !row_independent();
  };
  for (auto& run : rows.runs) {
    if (is_long(run)) {
      any_long = true;
      continue;
    }
    for (int i = 0; i < run.count; i++) {
      single.push_back(run.row + i);
    }
  }
  auto& words = words_of(step, s);
  if (!any_long) {
    return attend.singly(x, {single, -1, words});
  }
  std::vector<mx::array> parts;
  Maybe apart;
  if (!single.empty()) {
    // The list is an array of its own, of which the step's words are no part.
    auto& listed = step.derived("gpu words and singles", [&] {
      std::vector<int32_t> all;
      for (int i = 0; i < rows.size(); i++) {
        auto& run = rows.run(i);
        all.insert(all.end(), {rows.positions[i], run.table, run.first, run.sinks});
      }
      all.insert(all.end(), rows.tables.begin(), rows.tables.end());
      all.insert(all.end(), single.begin(), single.end());
      return uploaded(all, s);
    });
    apart = attend.singly(x, {single, static_cast<int>(4 * rows.size() + rows.tables.size()), listed});
  }
  int next = 0;
  for (auto& run : rows.runs) {
    if (is_long(run)) {
      parts.push_back(attend.together(x, run, words));
    } else {
      parts.push_back(mx::slice(*apart, {next, 0}, {next + run.count, heads * d}, s));
      next += run.count;
    }
  }
  return parts.size() == 1 ? parts[0] : mx::concatenate(std::move(parts), 0, s);
}

Maybe copy_pages(const mx::array& tokens, const std::vector<Pages*>& layers, const std::vector<PageCopy>& copies,
                 mx::Stream s) {
  for (auto* layer : layers) {
    if (!has_kernel(*layer)) {
      return std::nullopt;
    }
  }
  if (copies.empty()) {
    return tokens;
  }
  std::vector<int32_t> list;
  for (auto& copy : copies) {
    list.insert(list.end(), {copy.to, copy.from, copy.count});
  }
  auto words = uploaded(list, s);
  auto out = dense(tokens, s);
  static Kernels kernels;
  for (auto* layer : layers) {
    auto& format = layer->format;
    auto& kernel =
        kernels.of(static_cast<uint64_t>(format.head_dim) << 2 | type_code(format.dtype), [&]() -> KernelVariant {
          return {"VllmdGpuCopyPages",
                  kCopy,
                  {{"int", "tokens"}, {"int", "copies"}, {"Cached", "keys"}, {"Cached", "values"}},
                  {"int", "out"},
                  define("HEAD_DIM", format.head_dim) + define("THREADS", 256) +
                      alias_type("Cached", type_of(format.dtype)),
                  256};
        });
    Launch call{kernel,
                {out, words, layer->device->keys.values, layer->device->values.values},
                tokens.shape(),
                mx::int32,
                {format.kv_heads, tokens.shape(0)},
                {format.kv_heads, static_cast<int>(copies.size()), 1}};
    call.untracked = 2;
    out = launch(std::move(call), s);
  }
  return out;
}

bool read_page(const Pages& pages, int page, char* to) {
  if (!has_kernel(pages) || !cuda::available()) {
    return false;
  }
  mx::synchronize(pages.stream);
  size_t bytes = pages.format.page_bytes();
  for (auto* part : {&pages.device->keys, &pages.device->values}) {
    cuda::copy_to_host(to, static_cast<char*>(device_address(part->values)) + page * bytes, bytes);
    to += bytes;
  }
  return true;
}

bool write_page(Pages& pages, int page, const char* from) {
  if (!has_kernel(pages) || !cuda::available()) {
    return false;
  }
  mx::synchronize(pages.stream);
  size_t bytes = pages.format.page_bytes();
  for (auto* part : {&pages.device->keys, &pages.device->values}) {
    cuda::copy_to_device(static_cast<char*>(device_address(part->values)) + page * bytes, from, bytes);
    from += bytes;
  }
  return true;
}

}  // namespace vllmd::gpu
