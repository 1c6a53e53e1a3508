// The rows of one step over pages, and what the layers of that step derive from them once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "handles.h"
#include "mlx/array.h"
#include "page_layout.h"
#include "rotation.h"

namespace vllmd {

namespace cpu {
struct AttentionPlan;
}

static_assert(kPage == VM_PAGE);

// The rows of one sequence: `count` from row `row` on, at ascending positions.
struct SequenceRows {
  int row;
  int count;
  int table;  // its pages begin at StepRows::tables[table]
  int pages;
  int first;  // positions before it are not seen,
  int sinks;  // except those below this one
};

// Immutable, and shared with the operations made from it: freeing the step's handle before they ran is fine.
struct StepRows {
  std::vector<int32_t> sequences;
  std::vector<int32_t> positions;
  std::vector<int32_t> tables;
  std::vector<SequenceRows> runs;  // in the order of the rows
  std::vector<int32_t> run_of;     // of each row
  int longest;                     // most positions up to a row's own
  int highest_page;

  int size() const { return static_cast<int>(positions.size()); }
  const SequenceRows& run(int row) const { return runs[run_of[row]]; }
  // The page that holds a position of the row's sequence.
  int page(const SequenceRows& run, int position) const { return tables[run.table + position / kPage]; }

  // First position that a row sees beside the sinks.
  int begin(int row, int window) const {
    int seen = window > 0 && positions[row] >= window ? positions[row] - window + 1 : 0;
    return seen > run(row).first ? seen : run(row).first;
  }
};

class Step {
 public:
  Step(const int32_t* sequences, const int32_t* positions, int32_t n, const int32_t* tables, const int32_t* offsets,
       const int32_t* first, const int32_t* sinks, int32_t m);

  const std::shared_ptr<const StepRows>& rows() const { return rows_; }

  // Throws if a row sees, under this window, a position whose page was given back.
  void check_seen(int window);

  // Host tables, for the CPU primitives.
  std::shared_ptr<const Rotation> rotation(const RopeSpec& rope) { return rotations_.of(rope, rows_->positions); }

  // How the CPU's attention is shared out, for layers of one kind.
  std::shared_ptr<const cpu::AttentionPlan> plan(int kv_heads, int group, int window);

  // Made once per key; for arrays that a backend derives from the rows.
  const mx::array& derived(const std::string& key, const std::function<mx::array()>& make);

 private:
  std::shared_ptr<const StepRows> rows_;
  Rotations rotations_;
  std::map<std::string, mx::array> derived_;
  std::vector<int> seen_;  // windows checked
  struct PlanEntry {
    int kv_heads, group, window, threads;
    std::shared_ptr<const cpu::AttentionPlan> plan;
  };
  std::vector<PlanEntry> plans_;
};

inline Step& step_of(vm_step handle) {
  require(handle != 0, "step handle is 0");
  return *reinterpret_cast<Step*>(handle);
}

}  // namespace vllmd
