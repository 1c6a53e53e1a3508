#include "step.h"

#include <algorithm>

#include "cpu/attention_plan.h"
#include "cpu/thread_pool.h"

namespace vllmd {

Step::Step(const int32_t* sequences, const int32_t* positions, int32_t n, const int32_t* tables,
           const int32_t* offsets, const int32_t* first, const int32_t* sinks, int32_t m) {
  require(n > 0 && m > 0, "a step needs rows, got ", n, " of ", m, " sequences");
  for (int j = 0; j < m; j++) {
    require(offsets[j] >= 0 && offsets[j + 1] >= offsets[j], "sequence ", j, " has pages from ", offsets[j], " to ",
            offsets[j + 1]);
    require(first[j] >= 0 && sinks[j] >= 0, "sequence ", j, " sees positions from ", first[j], " on and ", sinks[j],
            " sinks");
  }
  auto rows = std::make_shared<StepRows>();
  rows->sequences.assign(sequences, sequences + n);
  rows->positions.assign(positions, positions + n);
  rows->tables.assign(tables, tables + offsets[m]);
  rows->run_of.resize(n);
  rows->longest = *std::max_element(positions, positions + n) + 1;
  rows->highest_page = rows->tables.empty() ? -1 : *std::max_element(rows->tables.begin(), rows->tables.end());
  std::vector<bool> seen(m);
  for (int i = 0; i < n; i++) {
    int j = sequences[i];
    require(j >= 0 && j < m && positions[i] >= 0, "row ", i, " has sequence ", j, " of ", m, ", position ",
            positions[i]);
    int pages = offsets[j + 1] - offsets[j];
    require(positions[i] / kPage < pages && tables[offsets[j] + positions[i] / kPage] >= 0, "row ", i, " of sequence ",
            j, " stands at position ", positions[i], ", which has no page among the sequence's ", pages);
    if (i > 0 && j == sequences[i - 1]) {
      require(positions[i] == positions[i - 1] + 1, "row ", i, " of sequence ", j, " has position ", positions[i],
              " after ", positions[i - 1]);
      rows->runs.back().count++;
    } else {
      require(!seen[j], "rows of sequence ", j, " are not adjacent (row ", i, ")");
      seen[j] = true;
      rows->runs.push_back({i, 1, offsets[j], pages, first[j], sinks[j]});
    }
    rows->run_of[i] = static_cast<int32_t>(rows->runs.size()) - 1;
  }
  rows_ = std::move(rows);
}

void Step::check_seen(int window) {
  if (std::find(seen_.begin(), seen_.end(), window) != seen_.end()) {
    return;
  }
  for (auto& run : rows_->runs) {
    // The first row sees furthest back.
    int begin = rows_->begin(run.row, window), end = rows_->positions[run.row + run.count - 1] + 1;
    auto check = [&](int from, int to) {
      for (int page = from / kPage; page * kPage < to; page++) {
        require(rows_->tables[run.table + page] >= 0, "sequence ", rows_->sequences[run.row], " sees position ",
                std::max(from, page * kPage), ", whose page was given back");
      }
    };
    check(begin, end);
    check(0, std::min(run.sinks, end));
  }
  seen_.push_back(window);
}

std::shared_ptr<const cpu::AttentionPlan> Step::plan(int kv_heads, int group, int window) {
  int threads = cpu::ThreadPool::instance().threads();
  for (auto& known : plans_) {
    if (known.kv_heads == kv_heads && known.group == group && known.window == window && known.threads == threads) {
      return known.plan;
    }
  }
  auto made = std::make_shared<const cpu::AttentionPlan>(cpu::attention_plan(*rows_, kv_heads, group, window, threads));
  plans_.push_back({kv_heads, group, window, threads, made});
  return made;
}

const mx::array& Step::derived(const std::string& key, const std::function<mx::array()>& make) {
  auto found = derived_.find(key);
  if (found == derived_.end()) {
    found = derived_.emplace(key, make()).first;
  }
  return found->second;
}

}  // namespace vllmd

using namespace vllmd;

int vm_step_new(vm_step* out, const int32_t* sequences, const int32_t* positions, int32_t n, const int32_t* tables,
                const int32_t* offsets, const int32_t* first, const int32_t* sinks, int32_t m) {
  return guarded("step_new", [&] {
    *out = reinterpret_cast<vm_step>(new Step(sequences, positions, n, tables, offsets, first, sinks, m));
  });
}

int vm_step_free(vm_step step) {
  return guarded("step_free", [&] { delete reinterpret_cast<Step*>(step); });
}
