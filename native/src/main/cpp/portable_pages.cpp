// Pages of keys and values through MLX's operations: whole pages are gathered for attention, updates take over the
// memory of the arrays that they replace.
#include <algorithm>
#include <cstring>

#include "mlx/fast.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "paged.h"

namespace vllmd::portable {

namespace {

mx::array host(const std::vector<int32_t>& values) {
  return mx::array(values.begin(), {static_cast<int>(values.size())}, mx::int32);
}

mx::array heads_of(const mx::array& x, int first, int count, int head_dim, mx::Stream s) {
  int n = x.shape(0);
  auto part = mx::slice(x, {0, first * head_dim}, {n, (first + count) * head_dim}, s);
  return mx::reshape(part, {n, count, 1, head_dim}, s);
}

// x [n, heads, 1, head_dim], one row a sequence of one token at its own position.
mx::array turn(const mx::array& x, const std::optional<mx::array>& norm, float eps, const RopeSpec& rope,
               const mx::array& positions, mx::Stream s) {
  auto y = norm ? mx::fast::rms_norm(x, *norm, eps, s) : x;
  if (rope.dims == 0) {
    return y;
  }
  std::optional<float> base;
  if (!rope.freqs) {
    base = rope.base;
  }
  return mx::fast::rope(y, rope.dims, false, base, rope.freqs ? 1.0f : rope.scale, positions, rope.freqs, s);
}

// x [n, kv_heads, head_dim] as a part of pages keeps it.
PagePart packed(const mx::array& x, const PageFormat& format, mx::Stream s) {
  if (format.bits == 0) {
    return {mx::astype(x, format.dtype, s), std::nullopt, std::nullopt};
  }
  int n = x.shape(0), h = format.kv_heads, groups = format.groups(), per_word = 32 / format.bits;
  auto levels = static_cast<float>((1 << format.bits) - 1);
  auto y = mx::reshape(mx::astype(x, mx::float32, s), {n, h, groups, kPageGroup}, s);
  auto least = mx::min(y, 3, true, s), most = mx::max(y, 3, true, s);
  auto wide = [&](const mx::array& a) { return mx::astype(a, mx::float32, s); };
  auto bias = mx::astype(mx::subtract(least, mx::multiply(mx::abs(least, s), mx::array(0x1p-11f), s), s), mx::float16, s);
  auto scale = mx::astype(mx::multiply(mx::subtract(most, wide(bias), s), mx::array((1 + 0x1p-11f) / levels), s),
                          mx::float16, s);
  auto step = mx::where(mx::equal(scale, mx::array(0.0f, mx::float16), s), mx::array(1.0f), wide(scale), s);
  auto codes = mx::round(mx::divide(mx::subtract(y, wide(bias), s), step, s), s);
  codes = mx::astype(mx::minimum(mx::maximum(codes, mx::array(0.0f), s), mx::array(levels), s), mx::uint32, s);
  std::vector<uint32_t> shifts(per_word);
  for (int i = 0; i < per_word; i++) {
    shifts[i] = static_cast<uint32_t>(i * format.bits);
  }
  codes = mx::reshape(codes, {n, h, format.head_dim / per_word, per_word}, s);
  codes = mx::sum(mx::left_shift(codes, mx::array(shifts.begin(), {per_word}, mx::uint32), s), 3, false, s);
  auto small = [&](const mx::array& a) { return mx::reshape(a, {n, h, groups}, s); };
  return {mx::astype(codes, mx::uint32, s), small(scale), small(bias)};
}

template <typename Each>
void each_array(PagePart& part, Each&& each) {
  each(part.values);
  if (part.scales) {
    each(*part.scales);
    each(*part.biases);
  }
}

// The same arrays of two parts, side by side.
template <typename Each>
void each_pair(PagePart& part, const PagePart& other, Each&& each) {
  each(part.values, other.values);
  if (part.scales) {
    each(*part.scales, *other.scales);
    each(*part.biases, *other.biases);
  }
}

// What sequences see through a window: for each of `runs` the pages to gather, padded to one length.
struct Sight {
  int pages = 0;
  std::vector<int32_t> ids;        // [runs, pages]
  std::vector<int32_t> positions;  // of the gathered keys, [runs, pages * 64]; beyond every row where nothing is
};

constexpr int32_t kNowhere = INT32_MAX;

Sight sight_of(const StepRows& rows, const std::vector<int>& runs, int window) {
  std::vector<std::vector<int>> seen(runs.size());
  Sight sight;
  for (size_t i = 0; i < runs.size(); i++) {
    auto& run = rows.runs[runs[i]];
    int last = rows.positions[run.row + run.count - 1] / kPage, begin = rows.begin(run.row, window) / kPage;
    for (int page = 0; page <= last; page++) {
      if (page >= begin || page * kPage < run.sinks) {
        seen[i].push_back(page);
      }
    }
    sight.pages = std::max(sight.pages, static_cast<int>(seen[i].size()));
  }
  for (size_t i = 0; i < runs.size(); i++) {
    auto& run = rows.runs[runs[i]];
    int last = rows.positions[run.row + run.count - 1];
    for (int p = 0; p < sight.pages; p++) {
      bool there = p < static_cast<int>(seen[i].size());
      // Padding repeats a page of the sequence's own.
      int page = there ? seen[i][p] : seen[i].back();
      sight.ids.push_back(rows.tables[run.table + page]);
      for (int t = page * kPage; t < (page + 1) * kPage; t++) {
        sight.positions.push_back(there && t <= last ? t : kNowhere);
      }
    }
  }
  return sight;
}

// Runs of one length, attended to together: q [n, heads, count, head_dim] under one mask of the step.
struct Attend {
  const Pages& pages;
  Step& step;
  int heads;
  float scale;
  int window;
  mx::Stream s;

  mx::array operator()(const mx::array& q, const std::vector<int>& runs) const {
    const StepRows& rows = *step.rows();
    auto& format = pages.format;
    int n = static_cast<int>(runs.size()), count = rows.runs[runs[0]].count, d = format.head_dim;
    auto named = [&](const char* what) {
      std::string name = what;
      for (int part : {heads, window, runs[0], n}) {
        name += ' ';
        name += std::to_string(part);
      }
      return name;
    };
    std::optional<Sight> sight;
    auto look = [&]() -> const Sight& {
      if (!sight) {
        sight = sight_of(rows, runs, window);
      }
      return *sight;
    };
    auto& ids = step.derived(named("ids"), [&] { return host(look().ids); });
    int keys = ids.shape(0) / n * kPage;
    auto& positions = step.derived(named("keys"), [&] { return mx::reshape(host(look().positions), {n, 1, 1, keys}, s); });
    auto& there = step.derived(named("there"), [&] {
      return mx::reshape(mx::not_equal(positions, mx::array(kNowhere), s), {n, 1, keys, 1}, s);
    });
    auto& mask = step.derived(named("mask"), [&] { return mask_of(runs, positions); });
    // What was never written may be NaN, which no mask keeps out of a sum.
    auto mine = [&](const PagePart& part) {
      auto x = mx::reshape(gathered(part, ids), {n, keys / kPage, format.kv_heads, kPage, d}, s);
      x = mx::reshape(mx::transpose(x, {0, 2, 1, 3, 4}, s), {n, format.kv_heads, keys, d}, s);
      return mx::where(there, x, mx::array(0.0f, x.dtype()), s);
    };
    auto k = mine(pages.device->keys), v = mine(pages.device->values);
    auto x = mx::transpose(mx::reshape(mx::astype(q, k.dtype(), s), {n, count, heads, d}, s), {0, 2, 1, 3}, s);
    auto y = mx::fast::scaled_dot_product_attention(x, k, v, scale, "array", mask, {}, false, s);
    return mx::reshape(mx::transpose(y, {0, 2, 1, 3}, s), {n * count, heads * d}, s);
  }

  // Contiguous over the heads, or every layer would copy it.
  mx::array mask_of(const std::vector<int>& runs, const mx::array& positions) const {
    const StepRows& rows = *step.rows();
    std::vector<int32_t> last, begin, sinks;
    for (int run : runs) {
      for (int i = 0; i < rows.runs[run].count; i++) {
        int row = rows.runs[run].row + i;
        last.push_back(rows.positions[row]);
        begin.push_back(rows.begin(row, window));
        sinks.push_back(rows.runs[run].sinks);
      }
    }
    int n = static_cast<int>(runs.size()), count = rows.runs[runs[0]].count, keys = positions.shape(3);
    auto column = [&](const std::vector<int32_t>& a) { return mx::reshape(host(a), {n, 1, count, 1}, s); };
    auto near = mx::logical_or(mx::greater_equal(positions, column(begin), s), mx::less(positions, column(sinks), s), s);
    auto seen = mx::logical_and(mx::less_equal(positions, column(last), s), near, s);
    return mx::contiguous(mx::broadcast_to(seen, {n, heads, count, keys}, s), false, s);
  }

  mx::array gathered(const PagePart& part, const mx::array& ids) const {
    auto x = mx::take(part.values, ids, 0, s);
    if (!part.scales) {
      return x;
    }
    auto dtype = pages.format.dtype;
    auto of = [&](const mx::array& a) { return mx::astype(mx::take(a, ids, 0, s), dtype, s); };
    return mx::dequantize(x, of(*part.scales), of(*part.biases), kPageGroup, pages.format.bits, "affine", std::nullopt,
                          std::nullopt, s);
  }
};

}  // namespace

DevicePages empty_pages(const PageFormat& format, int pages, mx::Stream s) {
  auto part = [&]() -> PagePart {
    auto zeros = [&](int width, mx::Dtype dtype) { return mx::zeros({pages, format.kv_heads, kPage, width}, dtype, s); };
    if (format.bits == 0) {
      return {zeros(format.head_dim, format.dtype), std::nullopt, std::nullopt};
    }
    return {zeros(format.head_dim * format.bits / 32, mx::uint32), zeros(format.groups(), mx::float16),
            zeros(format.groups(), mx::float16)};
  };
  DevicePages made{part(), part()};
  std::vector<mx::array> all;
  for (auto* p : {&made.keys, &made.values}) {
    each_array(*p, [&](mx::array& a) { all.push_back(a); });
  }
  mx::eval(all);
  return made;
}

// A part at a time, so that only one exists twice.
void grow(Pages& pages, int count, mx::Stream s) {
  auto more = empty_pages(pages.format, count - pages.count, s);
  auto longer = [&](mx::array& a, const mx::array& b) {
    a = mx::concatenate({a, b}, 0, s);
    a.eval();
  };
  each_pair(pages.device->keys, more.keys, longer);
  each_pair(pages.device->values, more.values, longer);
}

mx::array append(const mx::array& qkv, Pages& pages, Step& step, HeadShape shape, const HeadNorm& norm,
                 const RopeSpec& rope, mx::Stream s) {
  const StepRows& rows = *step.rows();
  int n = rows.size(), d = shape.head_dim, h = shape.kv_heads;
  auto& positions = step.derived("positions", [&] { return host(rows.positions); });
  auto of_rows = [&](auto&& value) {
    std::vector<int32_t> all(n);
    for (int i = 0; i < n; i++) {
      all[i] = value(i);
    }
    return host(all);
  };
  auto& page = step.derived("pages", [&] {
    return of_rows([&](int i) { return rows.page(rows.run(i), rows.positions[i]); });
  });
  auto& offset = step.derived("offsets", [&] { return of_rows([&](int i) { return rows.positions[i] % kPage; }); });
  auto q = turn(heads_of(qkv, 0, shape.heads, d, s), norm.q, norm.eps, rope, positions, s);
  auto key = turn(heads_of(qkv, shape.heads, h, d, s), norm.k, norm.eps, rope, positions, s);
  auto value = heads_of(qkv, shape.heads + h, h, d, s);
  auto write = [&](PagePart& part, const mx::array& x) {
    each_pair(part, packed(mx::reshape(x, {n, h, d}, s), pages.format, s), [&](mx::array& arena, const mx::array& update) {
      arena = mx::scatter(arena, {page, offset}, mx::reshape(update, {n, 1, h, 1, update.shape(2)}, s), {0, 2}, s);
    });
  };
  write(pages.device->keys, key);
  write(pages.device->values, value);
  return mx::reshape(q, {n, shape.heads * d}, s);
}

mx::array attention(const mx::array& q, Pages& pages, Step& step, int heads, float scale, int window, mx::Stream s) {
  const StepRows& rows = *step.rows();
  Attend attend{pages, step, heads, scale, window, s};
  std::vector<int> singles;
  for (size_t i = 0; i < rows.runs.size(); i++) {
    if (rows.runs[i].count == 1) {
      singles.push_back(static_cast<int>(i));
    }
  }
  auto part = [&](int from, int count) { return mx::slice(q, {from, 0}, {from + count, q.shape(1)}, s); };
  std::vector<mx::array> results;
  std::optional<mx::array> together;
  if (!singles.empty()) {
    std::vector<int32_t> index;
    for (int run : singles) {
      index.push_back(rows.runs[run].row);
    }
    bool all = singles.size() == rows.runs.size();
    together = attend(all ? q : mx::take(q, step.derived("singles", [&] { return host(index); }), 0, s), singles);
    if (all) {
      return mx::astype(*together, q.dtype(), s);
    }
  }
  int next_single = 0;
  for (size_t i = 0; i < rows.runs.size(); i++) {
    auto& run = rows.runs[i];
    if (run.count == 1) {
      results.push_back(mx::slice(*together, {next_single, 0}, {next_single + 1, q.shape(1)}, s));
      next_single++;
    } else {
      results.push_back(attend(part(run.row, run.count), {static_cast<int>(i)}));
    }
  }
  return mx::astype(results.size() == 1 ? results[0] : mx::concatenate(std::move(results), 0, s), q.dtype(), s);
}

mx::array copy_pages(const mx::array& tokens, const std::vector<Pages*>& layers, std::vector<PageCopy> copies,
                     mx::Stream s) {
  for (auto* layer : layers) {
    for (auto* part : {&layer->device->keys, &layer->device->values}) {
      each_array(*part, [&](mx::array& a) {
        for (auto& copy : copies) {
          auto x = mx::slice(a, {copy.from, 0, 0, 0}, {copy.from + 1, a.shape(1), copy.count, a.shape(3)}, s);
          a = mx::slice_update(a, x, mx::Shape{copy.to, 0, 0, 0}, mx::Shape{copy.to + 1, a.shape(1), copy.count, a.shape(3)}, s);
        }
      });
    }
  }
  return tokens;
}

void read_page(const Pages& pages, int page, char* to) {
  auto read = [&](const mx::array& a) {
    auto x = mx::slice(a, {page, 0, 0, 0}, {page + 1, a.shape(1), a.shape(2), a.shape(3)}, pages.stream);
    x = mx::contiguous(x, false, pages.stream);
    x.eval();
    std::memcpy(to, x.data<char>(), x.nbytes());
    to += x.nbytes();
  };
  auto device = *pages.device;
  each_array(device.keys, read);
  each_array(device.values, read);
}

void write_page(Pages& pages, int page, const char* from) {
  auto write = [&](mx::array& a) {
    auto x = uninitialised({1, a.shape(1), a.shape(2), a.shape(3)}, a.dtype());
    std::memcpy(x.data<char>(), from, x.nbytes());
    from += x.nbytes();
    a = mx::slice_update(a, x, mx::Shape{page, 0, 0, 0}, mx::Shape{page + 1, a.shape(1), a.shape(2), a.shape(3)}, pages.stream);
    a.eval();
  };
  each_array(pages.device->keys, write);
  each_array(pages.device->values, write);
}

}  // namespace vllmd::portable
