#include "cpu/attention_plan.h"

#include <algorithm>

#include "cpu/kernels.h"

namespace vllmd::cpu {

namespace {

// Queries of a unit: enough that keys read once serve many, few enough that their sums stay in the cache.
constexpr int kQueries = 48;

// Parts per thread, so that threads that run at different speeds end together.
constexpr int kPartsPerThread = 6;

}  // namespace

AttentionPlan attention_plan(const StepRows& rows, int kv_heads, int group, int window, int threads) {
  AttentionPlan plan;
  int most_rows = std::max(1, kQueries / group);
  int64_t cost = 0;
  for (auto& run : rows.runs) {
    for (int first = 0; first < run.count; first += most_rows) {
      AttentionUnit unit{run.row + first, std::min(most_rows, run.count - first), 0, 0, 0, 0, -1};
      unit.first_split = rows.begin(unit.row, window) / kSplit;
      unit.end_split = rows.positions[unit.row + unit.count - 1] / kSplit + 1;
      unit.sink_splits = std::min(unit.first_split, (run.sinks + kSplit - 1) / kSplit);
      cost += static_cast<int64_t>(unit.splits()) * unit.count * kv_heads;
      for (unit.kv_head = 0; unit.kv_head < kv_heads; unit.kv_head++) {
        plan.units.push_back(unit);
      }
    }
  }
  int64_t fair = std::max<int64_t>(1, cost / (static_cast<int64_t>(threads) * kPartsPerThread));
  for (size_t i = 0; i < plan.units.size(); i++) {
    auto& unit = plan.units[i];
    int splits = unit.splits(), each = splits;
    if (threads > 1 && static_cast<int64_t>(splits) * unit.count > fair) {
      each = static_cast<int>(std::max<int64_t>(1, fair / unit.count));
    }
    if (each < splits) {
      unit.partials = static_cast<int64_t>(plan.partials);
      plan.partials += static_cast<size_t>(splits) * unit.count * group;
    }
    for (int from = 0; from < splits; from += each) {
      plan.parts.push_back({static_cast<int>(i), from, std::min(splits, from + each)});
    }
  }
  return plan;
}

}  // namespace vllmd::cpu
