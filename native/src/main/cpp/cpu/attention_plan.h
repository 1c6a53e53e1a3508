// How attention over pages is shared out, made once per step.
//
// A unit is some rows of one sequence with the query heads of one kv head: they see nearly the same keys. It is attended
// to split by split. Splits that lie in the same pages for several sequences, as a prompt that they share does, are read
// once for all of them; long units are cut, so that all threads have something to do. Either way a part leaves one
// partial result per query and split, and the last part of a unit merges them in the order of the splits: the result has
// the same bits however it was shared out.
#pragma once

#include <memory>
#include <vector>

#include "step.h"

namespace vllmd::cpu {

struct AttentionUnit {
  int row;
  int count;
  int kv_head;
  // Splits seen: those of the sinks, [0, sink_splits), then [first_split, end_split). Numbered on from 0 they are its
  // indices.
  int sink_splits;
  int first_split;
  int end_split;
  // Where its partials [index][state] begin; -1 = it is one part, which keeps its sums to itself.
  int64_t partials;

  int splits() const { return sink_splits + end_split - first_split; }
  int split(int index) const { return index < sink_splits ? index : first_split + index - sink_splits; }
  int index(int split) const { return split < sink_splits ? split : split - first_split + sink_splits; }
};

// Splits of some units, which all their rows see whole where there are several units: indices [from, to) of the first.
struct AttentionPart {
  int member;  // units are AttentionPlan::members [member, member + members)
  int members;
  int from;
  int to;
};

struct AttentionPlan {
  std::vector<AttentionUnit> units;
  std::vector<int> members;
  std::vector<AttentionPart> parts;
  size_t partials = 0;  // of all units
};

// group = query heads per kv head.
AttentionPlan attention_plan(const StepRows& rows, int kv_heads, int group, int window, int threads);

}  // namespace vllmd::cpu
