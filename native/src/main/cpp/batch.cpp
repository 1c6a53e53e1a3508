#include "batch.h"

#include <algorithm>
#include <set>


namespace vllmd {

Batch::Batch(const int32_t* slots, const int32_t* positions, int32_t n) {
  require(n > 0, "a batch needs rows, got ", n);
  auto rows = std::make_shared<Rows>();
  rows->slots.assign(slots, slots + n);
  rows->positions.assign(positions, positions + n);
  rows->longest = *std::max_element(positions, positions + n) + 1;
  std::set<int32_t> seen;
  for (int i = 0; i < n; i++) {
    require(slots[i] >= 0 && positions[i] >= 0, "row ", i, " has slot ", slots[i], ", position ", positions[i]);
    if (i > 0 && slots[i] == slots[i - 1]) {
      require(positions[i] == positions[i - 1] + 1, "row ", i, " of slot ", slots[i], " has position ", positions[i],
              " after ", positions[i - 1]);
      rows->runs.back().count++;
    } else {
      require(seen.insert(slots[i]).second, "rows of slot ", slots[i], " are not adjacent (row ", i, ")");
      rows->runs.push_back({i, 1});
    }
  }
  rows_ = std::move(rows);
}

void Batch::check_fits(int slots, int capacity) const {
  for (int i = 0; i < rows_->size(); i++) {
    require(rows_->slots[i] < slots, "row ", i, " has slot ", rows_->slots[i], ", the arena has ", slots, " slots");
    require(rows_->positions[i] < capacity, "row ", i, " has position ", rows_->positions[i],
            ", the arena holds positions below ", capacity);
  }
}

const mx::array& Batch::derived(const std::string& key, const std::function<mx::array()>& make) {
  auto found = derived_.find(key);
  if (found == derived_.end()) {
    found = derived_.emplace(key, make()).first;
  }
  return found->second;
}

}  // namespace vllmd

using namespace vllmd;

int vm_batch_new(vm_batch* out, const int32_t* slots, const int32_t* positions, int32_t n) {
  return guarded("batch_new", [&] { *out = reinterpret_cast<vm_batch>(new Batch(slots, positions, n)); });
}

int vm_batch_free(vm_batch batch) {
  return guarded("batch_free", [&] { delete reinterpret_cast<Batch*>(batch); });
}
