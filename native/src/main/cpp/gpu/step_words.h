// What kernels over pages read of a step: for each row its position, table, first seen position and sinks; the tables;
// then which rows attention takes one by one and which in tiles.
#pragma once

#include <vector>

#include "gpu/cuda_device.h"
#include "gpu/kernel.h"
#include "pages.h"
#include "step.h"

namespace vllmd::gpu {

// Whether there are kernels for pages of this kind, and among them those for tiles.
inline bool has_kernel(const Pages& pages) { return pages.device && pages.format.bits == 0; }
inline bool has_tiles(const Pages& pages, mx::Dtype value) {
  int d = pages.format.head_dim;
  return has_matrix_units() && value != mx::float32 && value == pages.format.dtype &&
         (d == 64 || d == 96 || d == 128 || d == 256);
}

// How a step's rows are shared out to attention. Runs of many rows of one sequence go in tiles, which share their keys;
// the others one by one. Depends on the step, and on the shape of the heads.
struct Sharing {
  std::vector<int32_t> singles;  // empty where all rows are
  std::vector<int32_t> tiles;    // [tiles][first row, rows], those with the most keys first
  int warps = 0;                 // of a tile's group
  int abreast = 0;               // query heads of one kv head in a tile
  int window = 0;                // that the sharing goes by, where there are no tiles

  bool all_single() const { return singles.empty() && tiles.empty(); }
};

// heads_of_kv_head: query heads that share its keys. tiled: whether there is a kernel for tiles.
Sharing share(const StepRows& rows, int heads_of_kv_head, bool tiled);
// Without such a kernel: the singles where some runs are for MLX's attention, which a window may not cut.
bool goes_together(const StepRows& rows, const SequenceRows& run, int window);
Sharing share_singles(const StepRows& rows, int window);

// Made once per step and shape of heads.
const mx::array& words_of(Step& step, const Sharing& sharing, mx::Stream s);
// Where the lists begin in it.
inline int singles_at(const StepRows& rows) { return 4 * rows.size() + static_cast<int>(rows.tables.size()); }
inline int tiles_at(const StepRows& rows, const Sharing& sharing) {
  return singles_at(rows) + static_cast<int>(sharing.singles.size());
}

// An array on the device from the host's integers.
mx::array uploaded(const std::vector<int32_t>& values, mx::Stream s);

}  // namespace vllmd::gpu
