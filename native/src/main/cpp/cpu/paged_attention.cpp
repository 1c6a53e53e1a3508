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
    if (plan->partials == 0) {
      ThreadPool::instance().run(parts, [&](int i) { whole(plan->units[plan->parts[i].unit]); });
      return;
    }
    float* partials = thread_partials(plan->partials * partial());
    std::unique_ptr<std::atomic<int>[]> done(new std::atomic<int>[plan->units.size()]());
    ThreadPool::instance().run(parts, [&](int i) {
      auto& part = plan->parts[i];
      auto& unit = plan->units[part.unit];
      if (unit.partials < 0) {
        whole(unit);
        return;
      }
      float* mine = partials + unit.partials * partial();
      some(unit, part, mine);
      int ready = part.to - part.from;
      // The last one to finish a unit merges it.
      if (done[part.unit].fetch_add(ready, std::memory_order_acq_rel) + ready == unit.splits()) {
        merge(unit, mine);
      }
    });
  }

  // Scratch of one part's thread.
  struct Work {
    float *queries, *running, *next, *tile, *keys, *values;
    bool unpacked;
  };

  // Many queries pay for unpacking a quantised split once; the bits are the same either way.
  bool unpacks(int states) const { return pages->format.bits > 0 && states > 2 * kernels().tile_queries; }

  Work work(const AttentionUnit& unit) const {
    int states = unit.count * group(), tile = std::min(states, kernels().tile_queries), d = head_dim();
    Work w{};
    w.unpacked = unpacks(states);
    size_t of_queries = static_cast<size_t>(states) * d, of_running = states * partial(), of_next = tile * partial();
    size_t of_tile = kernels().tile_scratch(pages->block, tile), of_unpacked = w.unpacked ? kSplit * d : 0;
    w.queries = thread_scratch(of_queries + of_running + of_next + of_tile + 2 * of_unpacked);
    w.running = w.queries + of_queries;
    w.next = w.running + of_running;
    w.tile = w.next + of_next;
    w.keys = w.tile + of_tile;
    w.values = w.keys + of_unpacked;
    for (int i = 0; i < unit.count; i++) {
      size_t from = (static_cast<size_t>(unit.row + i) * heads + unit.kv_head * group()) * d;
      kernels().scaled(q + from, scale, group() * d, w.queries + static_cast<size_t>(i) * group() * d);
    }
    return w;
  }

  void whole(const AttentionUnit& unit) const {
    int states = unit.count * group();
    Work w = work(unit);
    for (int s = 0; s < states; s++) {
      w.running[s * partial()] = -INFINITY;
      std::fill_n(w.running + s * partial() + 1, partial() - 1, 0.0f);
    }
    for (int index = 0; index < unit.splits(); index++) {
      attend(unit, index, w, [&](int) { return w.next; },
             [&](int state, int count) {
               for (int i = 0; i < count; i++) {
                 kernels().merge(w.running + (state + i) * partial(), w.next + i * partial(), head_dim());
               }
             });
    }
    for (int s = 0; s < states; s++) {
      kernels().finish(w.running + s * partial(), head_dim(), result(unit, s));
    }
  }

  void some(const AttentionUnit& unit, const AttentionPart& part, float* partials) const {
    size_t states = unit.count * group();
    Work w = work(unit);
    for (int index = part.from; index < part.to; index++) {
      attend(unit, index, w, [&](int state) { return partials + (index * states + state) * partial(); },
             [](int, int) {});
    }
  }

  void merge(const AttentionUnit& unit, float* partials) const {
    size_t states = unit.count * group();
    for (size_t s = 0; s < states; s++) {
      float* running = partials + s * partial();
      for (int index = 1; index < unit.splits(); index++) {
        kernels().merge(running, partials + (index * states + s) * partial(), head_dim());
      }
      kernels().finish(running, head_dim(), result(unit, static_cast<int>(s)));
    }
  }

  // State = a row of the unit and a query head.
  float* result(const AttentionUnit& unit, int state) const {
    size_t row = unit.row + state / group(), head = unit.kv_head * group() + state % group();
    return out + (row * heads + head) * head_dim();
  }

  // All queries of a unit over one split, tile by tile: to(state) says where the partials of the tile that begins there
  // go, made(state, count) is told when they are there.
  template <typename To, typename Made>
  void attend(const AttentionUnit& unit, int index, const Work& w, To&& to, Made&& made) const {
    auto& run = rows->run(unit.row);
    int base = unit.split(index) * kSplit, states = unit.count * group(), d = head_dim();
    auto clip = [&](int position) { return std::clamp(position - base, 0, kSplit); };
    AttentionTile tile{};
    tile.layout = w.unpacked ? BlockLayout{d, 0} : pages->block;
    tile.sinks = clip(run.sinks);
    tile.scratch = w.tile;
    int begin = clip(rows->begin(unit.row, window)), end = clip(rows->positions[unit.row + unit.count - 1] + 1);
    for (int p = 0; p < kSplitPages; p++) {
      int first = p * kPage;
      if (end <= first || (begin >= first + kPage && tile.sinks <= first)) {
        continue;
      }
      int page = rows->page(run, base + first);
      tile.keys[p] = pages->keys(page, unit.kv_head);
      tile.values[p] = pages->values(page, unit.kv_head);
      if (w.unpacked) {
        float *keys = w.keys + static_cast<size_t>(first) * d, *values = w.values + static_cast<size_t>(first) * d;
        kernels().unpack_keys(pages->block, tile.keys[p], keys);
        kernels().unpack_values(pages->block, tile.values[p], w.tile, values);
        tile.keys[p] = keys;
        tile.values[p] = values;
      }
    }
    if (!w.unpacked) {
      order(unit, index, tile);
    }
    // Tiles of one size, as near as can be: one query alone costs as much as several.
    int tiles = (states + kernels().tile_queries - 1) / kernels().tile_queries;
    int begins[kMostTileQueries], ends[kMostTileQueries];
    tile.begin = begins;
    tile.end = ends;
    for (int t = 0, state = 0; t < tiles; t++, state += tile.count) {
      tile.count = (states - state) / (tiles - t);
      for (int i = 0; i < tile.count; i++) {
        int row = unit.row + (state + i) / group();
        ends[i] = clip(rows->positions[row] + 1);
        begins[i] = std::min(clip(rows->begin(row, window)), ends[i]);
      }
      tile.queries = w.queries + static_cast<size_t>(state) * d;
      tile.partials = to(state);
      if (t > 0 || w.unpacked) {
        // All is near already.
        for (int p = 0; p < kSplitPages; p++) {
          tile.after_keys[p] = static_cast<const char*>(tile.keys[p]);
          tile.after_values[p] = static_cast<const char*>(tile.values[p]);
        }
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
