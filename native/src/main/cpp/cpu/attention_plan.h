// How attention over pages is shared out, made once per step.
#pragma once

#include <memory>
#include <vector>

#include "step.h"

namespace vllmd::cpu {

// Adjacent rows of one sequence with the query heads of one kv head: they read the same keys.
struct AttentionUnit {
  int row;
  int count;
  int kv_head;
  // Splits seen: those of the sinks, [0, sink_splits), then [first_split, end_split).
  int sink_splits;
  int first_split;
  int end_split;
  // Its parts share results through [state][split] partials from here on; -1 = it is one part.
  int64_t partials;

  int splits() const { return sink_splits + end_split - first_split; }
  int split(int index) const { return index < sink_splits ? index : first_split + index - sink_splits; }
};

// Splits [from, to) of a unit, by their index.
struct AttentionPart {
  int unit;
  int from;
  int to;
};

struct AttentionPlan {
  std::vector<AttentionUnit> units;
  std::vector<AttentionPart> parts;
  size_t partials = 0;  // of all units that are in parts
};

// group = query heads per kv head.
AttentionPlan attention_plan(const StepRows& rows, int kv_heads, int group, int window, int threads);

}  // namespace vllmd::cpu
