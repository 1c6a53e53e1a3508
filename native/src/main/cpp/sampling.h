// Choosing one token per row of logits, in two implementations of the same contract (vm_choose): `cpu` by this library's
// own primitives, `portable` by MLX's operations. Arguments have been checked by the entry points.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "handles.h"

namespace vllmd {

// What all rows of one call ask for, copied from the host arrays of the call.
struct Choice {
  std::vector<vm_sampling_row> rows;
  std::vector<int32_t> count_ids;
  std::vector<int32_t> generated;
  std::vector<int32_t> repeats;
  std::vector<int32_t> bias_ids;
  std::vector<float> bias;
  std::vector<uint32_t> masks;  // [masks, words]
  int words = 0;                // of one mask
  int top = 0;                  // likeliest tokens told per row
  bool logprobs = false;        // whether any row wants them
};

// logprobs float32 [n, 1 + top] where any row wants them, top_ids int32 [n, top] where top > 0.
struct Chosen {
  mx::array tokens;
  std::optional<mx::array> logprobs;
  std::optional<mx::array> top_ids;
};

// Whether the row samples at all. Not where it is so cold that the inverse is infinite: 0 * inf would make the largest
// weigh NaN, and no candidate would be left.
inline bool samples(const vm_sampling_row& row) {
  return row.top_k != 1 && 1.0f / row.temperature < std::numeric_limits<float>::infinity();
}

inline bool penalises(const vm_sampling_row& row) {
  return row.presence != 0 || row.frequency != 0 || row.repetition != 1;
}

// Whether the row's logits are anything but the given ones.
inline bool edits(const vm_sampling_row& row) {
  return row.bias_to > row.bias_from || row.mask >= 0 ||
         (penalises(row) && (row.counts_to > row.counts_from || row.last >= 0));
}

namespace cpu {
Chosen choose(const mx::array& logits, const std::optional<mx::array>& previous, Choice choice, mx::Stream s);
}  // namespace cpu

namespace portable {
// In float32, -inf for NaN.
mx::array clean(const mx::array& logits, mx::Stream s);
// Adds the log probabilities to tokens that were chosen from these clean logits.
void tell_logprobs(const mx::array& clean, const Choice& choice, mx::Stream s, Chosen& chosen);
Chosen choose(const mx::array& logits, const std::optional<mx::array>& previous, const Choice& choice, mx::Stream s);
}  // namespace portable

}  // namespace vllmd
