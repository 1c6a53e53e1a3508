// The rows of one step, and what the layers of that step derive from them once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "handles.h"
#include "mlx/array.h"
#include "rotation.h"

namespace vllmd {

// Adjacent rows of one slot.
struct Run {
  int first;
  int count;
};

// Immutable, and shared with the operations made from it: freeing the batch's handle before they ran is fine.
struct Rows {
  std::vector<int32_t> slots;
  std::vector<int32_t> positions;
  std::vector<Run> runs;
  int longest;  // most keys that a row attends to

  int size() const { return static_cast<int>(slots.size()); }
};

class Batch {
 public:
  Batch(const int32_t* slots, const int32_t* positions, int32_t n);

  const std::shared_ptr<const Rows>& rows() const { return rows_; }

  // Throws unless every row fits an arena of this many slots and positions.
  void check_fits(int slots, int capacity) const;

  // Host tables, for the CPU primitives.
  std::shared_ptr<const Rotation> rotation(const RopeSpec& rope) { return rotations_.of(rope, rows_->positions); }

  // Made once per key; for arrays that a backend derives from the rows.
  const mx::array& derived(const std::string& key, const std::function<mx::array()>& make);

 private:
  std::shared_ptr<const Rows> rows_;
  Rotations rotations_;
  std::map<std::string, mx::array> derived_;
};

inline Batch& batch_of(vm_batch handle) {
  require(handle != 0, "batch handle is 0");
  return *reinterpret_cast<Batch*>(handle);
}

}  // namespace vllmd
