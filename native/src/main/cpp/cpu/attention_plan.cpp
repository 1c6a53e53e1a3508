#include "cpu/attention_plan.h"

#include <algorithm>
#include <array>
#include <map>

#include "cpu/kernels.h"

namespace vllmd::cpu {

namespace {

// Queries of a part: enough that keys read once serve many, few enough that their sums stay in the cache.
constexpr int kQueries = 48;

// Parts per thread, so that threads that run at different speeds end together.
constexpr int kPartsPerThread = 6;

// Consecutive splits [from, to) of some units, by their index in the first.
struct Range {
  std::vector<int> units;
  int from;
  int to;
};

class Planner {
 public:
  Planner(const StepRows& rows, int group, int window) : rows_(rows), window_(window) {
    most_rows_ = std::max(1, kQueries / group);
    for (auto& run : rows.runs) {
      for (int first = 0; first < run.count; first += most_rows_) {
        AttentionUnit unit{run.row + first, std::min(most_rows_, run.count - first), 0, 0, 0, 0, -1};
        unit.first_split = rows.begin(unit.row, window) / kSplit;
        unit.end_split = rows.positions[unit.row + unit.count - 1] / kSplit + 1;
        unit.sink_splits = std::min(unit.first_split, (run.sinks + kSplit - 1) / kSplit);
        units_.push_back(unit);
      }
    }
    share();
    shared_ = ranges_.size();
    // What is not shared is a unit's own.
    for (size_t u = 0; u < units_.size(); u++) {
      int own = static_cast<int>(ranges_.size()), splits = units_[u].splits();
      for (int from = 0; from < splits;) {
        if (shared(u, from)) {
          from++;
          continue;
        }
        int to = from + 1;
        while (to < splits && !shared(u, to)) {
          to++;
        }
        ranges_.push_back({{static_cast<int>(u)}, from, to});
        from = to;
      }
      whole_.push_back(static_cast<int>(ranges_.size()) == own + 1 && ranges_.back().to - ranges_.back().from == splits);
    }
  }

  AttentionPlan plan(int kv_heads, int group, int threads) const {
    AttentionPlan plan;
    int64_t cost = 0;
    for (auto& range : ranges_) {
      cost += static_cast<int64_t>(range.to - range.from) * rows_of(range) * kv_heads;
    }
    int64_t fair = std::max<int64_t>(1, cost / (static_cast<int64_t>(threads) * kPartsPerThread));
    auto each = [&](const Range& range) {
      if (threads == 1) {
        return range.to - range.from;
      }
      return static_cast<int>(std::clamp<int64_t>(fair / rows_of(range), 1, range.to - range.from));
    };
    std::vector<bool> one_part = whole_;
    for (auto& range : ranges_) {
      if (each(range) < range.to - range.from) {
        one_part[range.units[0]] = false;
      }
    }
    for (size_t u = 0; u < units_.size(); u++) {
      auto unit = units_[u];
      for (unit.kv_head = 0; unit.kv_head < kv_heads; unit.kv_head++) {
        if (!one_part[u]) {
          unit.partials = static_cast<int64_t>(plan.partials);
          plan.partials += static_cast<size_t>(unit.splits()) * unit.count * group;
        }
        plan.units.push_back(unit);
      }
    }
    for (auto& range : ranges_) {
      for (int head = 0; head < kv_heads; head++) {
        int member = static_cast<int>(plan.members.size());
        for (int u : range.units) {
          plan.members.push_back(u * kv_heads + head);
        }
        for (int from = range.from; from < range.to; from += each(range)) {
          plan.parts.push_back(
              {member, static_cast<int>(range.units.size()), from, std::min(range.to, from + each(range))});
        }
      }
    }
    return plan;
  }

 private:
  using PagesOfSplit = std::array<int32_t, kSplitPages>;

  int rows_of(const Range& range) const {
    int count = 0;
    for (int u : range.units) {
      count += units_[u].count;
    }
    return count;
  }

  bool shared(size_t unit, int index) const {
    for (size_t r = 0; r < shared_; r++) {
      auto& range = ranges_[r];
      for (int u : range.units) {
        int first = units_[u].index(units_[range.units[0]].split(range.from));
        if (u == static_cast<int>(unit) && index >= first && index < first + range.to - range.from) {
          return true;
        }
      }
    }
    return false;
  }

  // Whether all rows of a unit see all of a split.
  bool sees(const AttentionUnit& unit, int split) const {
    return rows_.begin(unit.row + unit.count - 1, window_) <= split * kSplit &&
           rows_.positions[unit.row] + 1 >= (split + 1) * kSplit;
  }

  PagesOfSplit pages(const AttentionUnit& unit, int split) const {
    PagesOfSplit pages;
    for (int p = 0; p < kSplitPages; p++) {
      pages[p] = rows_.page(rows_.run(unit.row), (split * kSplitPages + p) * kPage);
    }
    return pages;
  }

  // Follows the units that have the same pages, split by split, until they part.
  void share() {
    std::vector<int> small;
    for (size_t u = 0; u < units_.size(); u++) {
      if (units_[u].count * 2 <= most_rows_) {
        small.push_back(static_cast<int>(u));
      }
    }
    std::vector<Range> open;
    for (int split = 0; split == 0 ? small.size() > 1 : !open.empty(); split++) {
      std::vector<Range> next;
      auto follow = [&](const std::vector<int>& units, const Range* before) {
        std::map<PagesOfSplit, std::vector<int>> same;
        for (int u : units) {
          if (sees(units_[u], split)) {
            same[pages(units_[u], split)].push_back(u);
          }
        }
        bool goes_on = false;
        for (auto& [ids, together] : same) {
          if (together.size() > 1) {
            bool all = before != nullptr && together.size() == before->units.size();
            goes_on = goes_on || all;
            int index = units_[together[0]].index(split);
            next.push_back({together, all ? before->from : index, index + 1});
          }
        }
        if (before != nullptr && !goes_on) {
          close(*before);
        }
      };
      if (split == 0) {
        follow(small, nullptr);
      }
      for (auto& range : open) {
        follow(range.units, &range);
      }
      open = std::move(next);
    }
  }

  // As many at a time as one part takes.
  void close(const Range& range) {
    Range some{{}, range.from, range.to};
    auto add = [&] {
      if (some.units.size() > 1) {
        ranges_.push_back(some);
      }
      some.units.clear();
    };
    for (int u : range.units) {
      if (rows_of(some) + units_[u].count > most_rows_) {
        add();
      }
      some.units.push_back(u);
    }
    add();
  }

  const StepRows& rows_;
  int window_;
  int most_rows_;
  std::vector<AttentionUnit> units_;  // of kv head 0
  std::vector<Range> ranges_;
  size_t shared_ = 0;        // how many of them, the first, are of several units
  std::vector<bool> whole_;           // units with nothing but one range of their own
};

}  // namespace

AttentionPlan attention_plan(const StepRows& rows, int kv_heads, int group, int window, int threads) {
  return Planner(rows, group, window).plan(kv_heads, group, threads);
}

}  // namespace vllmd::cpu
