// Attention over pages on the CPU.
//
// No array stands for the pages: attention is built from the q that the writing of its rows gave, and the stream keeps
// the steps in order.
#include <algorithm>
#include <atomic>
#include <memory>

#include "cpu/attention_plan.h"
#include "cpu/primitive.h"
#include "cpu/thread_pool.h"
#include "paged.h"

namespace vllmd::cpu {

namespace {

struct AttentionJob {
  std::shared_ptr<const StepRows> rows;
  std::shared_ptr<const AttentionPlan> plan;
  std::shared_ptr<HostPages> pages;
  int heads;
  float scale;
  int window;
  const float* q;
  float* out;

  int head_dim() const { return pages->format.head_dim; }
  int group() const { return heads / pages->format.kv_heads; }
  size_t partial() const { return kPartialHeader + head_dim(); }

  void operator()() const {
    auto parts = static_cast<int>(plan->parts.size());
    float* partials = thread_partials(plan->partials * partial());
    std::unique_ptr<std::atomic<int>[]> done(
        plan->partials == 0 ? nullptr : new std::atomic<int>[plan->units.size()]());
    ThreadPool::instance().run(parts, [&](int i) {
      auto& part = plan->parts[i];
      Work w = work(part);
      auto& first = plan->units[plan->members[part.member]];
      if (first.partials < 0) {
        whole(first, part, w);
        return;
      }
      some(part, w, partials);
      for (int m = part.member; m < part.member + part.members; m++) {
        // The last part of a unit merges it.
        auto& unit = plan->units[plan->members[m]];
        int ready = part.to - part.from;
        if (done[plan->members[m]].fetch_add(ready, std::memory_order_acq_rel) + ready == unit.splits()) {
          merge(unit, partials + unit.partials * partial());
        }
      }
    });
  }

  // A query head of a row.
  struct State {
    int row;
    int head;
    // Where its partial of the part's first split goes, and from there to the next split's; of units in parts.
    size_t partial;
    size_t stride;
  };

  // Scratch of one part's thread.
  struct Work {
    const std::vector<State>* states;
    float *queries, *running, *next, *tile, *keys, *values;
    bool unpacked;

    int count() const { return static_cast<int>(states->size()); }
  };

  Work work(const AttentionPart& part) const {
    thread_local std::vector<State> states;
    states.clear();
    auto& first = plan->units[plan->members[part.member]];
    for (int m = part.member; m < part.member + part.members; m++) {
      auto& unit = plan->units[plan->members[m]];
      size_t of_unit = static_cast<size_t>(unit.count) * group();
      size_t begin = static_cast<size_t>(unit.partials) + unit.index(first.split(part.from)) * of_unit;
      for (int i = 0; i < unit.count * group(); i++) {
        states.push_back({unit.row + i / group(), unit.kv_head * group() + i % group(), begin + i, of_unit});
      }
    }
    size_t count = states.size(), d = head_dim(), tile = std::min<size_t>(count, kernels().tile_queries);
    Work w{};
    w.states = &states;
    // Many queries pay for unpacking a quantised split once; the bits are the same either way.
    w.unpacked = pages->format.bits > 0 && count > 2 * static_cast<size_t>(kernels().tile_queries);
    size_t of_tile = kernels().tile_scratch(pages->block, static_cast<int>(tile)), of_unpacked = w.unpacked ? kSplit * d : 0;
    w.queries = thread_scratch(count * (d + partial()) + tile * partial() + of_tile + 2 * of_unpacked);
    w.running = w.queries + count * d;
    w.next = w.running + count * partial();
    w.tile = w.next + tile * partial();
    w.keys = w.tile + of_tile;
    w.values = w.keys + of_unpacked;
    for (size_t i = 0; i < count; i++) {
      size_t from = (static_cast<size_t>(states[i].row) * heads + states[i].head) * d;
      kernels().scaled(q + from, scale, head_dim(), w.queries + i * d);
    }
    return w;
  }

  // A unit that is one part.
  void whole(const AttentionUnit& unit, const AttentionPart& part, const Work& w) const {
    for (int i = 0; i < w.count(); i++) {
      w.running[i * partial()] = -INFINITY;
      std::fill_n(w.running + i * partial() + 1, partial() - 1, 0.0f);
    }
    for (int index = part.from; index < part.to; index++) {
      attend(unit, index, w, [&](int state, int count) {
        for (int i = 0; i < count; i++) {
          kernels().merge(w.running + (state + i) * partial(), w.next + i * partial(), head_dim());
        }
      });
    }
    for (int i = 0; i < w.count(); i++) {
      kernels().finish(w.running + i * partial(), head_dim(), result((*w.states)[i]));
    }
  }

  void some(const AttentionPart& part, const Work& w, float* partials) const {
    auto& first = plan->units[plan->members[part.member]];
    for (int index = part.from; index < part.to; index++) {
      attend(first, index, w, [&](int state, int count) {
        for (int i = 0; i < count; i++) {
          auto& s = (*w.states)[state + i];
          std::copy_n(w.next + i * partial(), partial(),
                      partials + (s.partial + (index - part.from) * s.stride) * partial());
        }
      });
    }
  }

  void merge(const AttentionUnit& unit, float* partials) const {
    size_t states = static_cast<size_t>(unit.count) * group();
    for (size_t i = 0; i < states; i++) {
      float* running = partials + i * partial();
      for (int index = 1; index < unit.splits(); index++) {
        kernels().merge(running, partials + (index * states + i) * partial(), head_dim());
      }
      int row = unit.row + static_cast<int>(i) / group(), head = unit.kv_head * group() + static_cast<int>(i) % group();
      kernels().finish(running, head_dim(), result({row, head, 0, 0}));
    }
  }

  float* result(const State& state) const {
    return out + (static_cast<size_t>(state.row) * heads + state.head) * head_dim();
  }

  // All queries of a part over one split, whose pages and sight are those of `unit`, tile by tile: made(state, count) is
  // told when the partials of the tile that begins there are in w.next.
  template <typename Made>
  void attend(const AttentionUnit& unit, int index, const Work& w, Made&& made) const {
    auto& run = rows->run(unit.row);
    int base = unit.split(index) * kSplit, d = head_dim();
    auto clip = [&](int position) { return std::clamp(position - base, 0, kSplit); };
    AttentionTile tile{};
    tile.layout = w.unpacked ? BlockLayout{d, 0} : pages->block;
    tile.sinks = clip(run.sinks);
    tile.scratch = w.tile;
    tile.partials = w.next;
    int begin = clip(rows->begin(unit.row, window)), end = clip(rows->positions[unit.row + unit.count - 1] + 1);
    for (int p = 0; p < kSplitPages; p++) {
      int first = p * kPage;
      if (end <= first || (begin >= first + kPage && tile.sinks <= first)) {
        continue;
      }
      int page = rows->page(run, base + first);
      tile.keys[p] = pages->keys(page, unit.kv_head);
      tile.values[p] = pages->values(page, unit.kv_head);
    }
    order(unit, index, tile);
    for (int p = 0; w.unpacked && p < kSplitPages; p++) {
      if (tile.keys[p] != nullptr) {
        float *keys = w.keys + static_cast<size_t>(p) * kPage * d, *values = w.values + static_cast<size_t>(p) * kPage * d;
        kernels().unpack_keys(pages->block, tile.keys[p], keys);
        kernels().unpack_values(pages->block, tile.values[p], w.tile, values);
        tile.keys[p] = keys;
        tile.values[p] = values;
      }
    }
    // Tiles of one size, as near as can be: one query alone costs as much as several.
    int tiles = (w.count() + kernels().tile_queries - 1) / kernels().tile_queries;
    int begins[kMostTileQueries], ends[kMostTileQueries];
    tile.begin = begins;
    tile.end = ends;
    for (int t = 0, state = 0; t < tiles; t++, state += tile.count) {
      tile.count = (w.count() - state) / (tiles - t);
      for (int i = 0; i < tile.count; i++) {
        int row = (*w.states)[state + i].row;
        ends[i] = clip(rows->positions[row] + 1);
        begins[i] = std::min(clip(rows->begin(row, window)), ends[i]);
      }
      tile.queries = w.queries + static_cast<size_t>(state) * d;
      if (t > 0 || w.unpacked) {
        near(tile);
      }
      kernels().attend_tile(tile);
      made(state, tile.count);
    }
  }

  // All keys of a split are read, then all values, then the next split's keys.
  void order(const AttentionUnit& unit, int index, AttentionTile& tile) const {
    const void* next = nullptr;
    if (++index < unit.splits()) {
      int page = unit.split(index) * kSplitPages;
      if (index >= unit.sink_splits) {
        page = std::max(page, rows->begin(unit.row, window) / kPage);
      }
      next = pages->keys(rows->page(rows->run(unit.row), page * kPage), unit.kv_head);
    }
    for (auto [blocks, after] : {std::pair{tile.values, tile.after_values}, {tile.keys, tile.after_keys}}) {
      for (int p = kSplitPages - 1; p >= 0; p--) {
        after[p] = static_cast<const char*>(next != nullptr ? next : blocks[p]);
        next = blocks[p] != nullptr ? blocks[p] : next;
      }
    }
  }

  // All that the tile reads is in the cache already.
  static void near(AttentionTile& tile) {
    for (int p = 0; p < kSplitPages; p++) {
      tile.after_keys[p] = static_cast<const char*>(tile.keys[p]);
      tile.after_values[p] = static_cast<const char*>(tile.values[p]);
    }
  }
};

}  // namespace

mx::array attention(const mx::array& q, Pages& pages, Step& step, int heads, float scale, int window, mx::Stream s) {
  auto plan = step.plan(pages.format.kv_heads, heads / pages.format.kv_heads, window);
  auto prepare = [rows = step.rows(), plan, host = pages.host, heads, scale, window](const std::vector<mx::array>& in,
                                                                                      std::vector<mx::array>& out) {
    allocate(out[0]);
    return AttentionJob{rows, plan, host, heads, scale, window, in[0].data<float>(), out[0].data<float>()};
  };
  return operation("VllmdPagedAttention", q.shape(), mx::float32, {dense(q, mx::float32, s)}, s, std::move(prepare));
}

}  // namespace vllmd::cpu
