#include "gpu/step_words.h"

#include <algorithm>

#include "gpu/cuda_device.h"
#include "gpu/device_memory.h"
#include "mlx/ops.h"

namespace vllmd::gpu {

namespace {

constexpr KernelText kUpload = {
#include "gpu/text/upload.h"
};

constexpr int kThreads = 128;

// Shorter runs leave most of a tile empty.
constexpr int kShortestTiled = 16;

// What a lane may hold of queries: as many heads as a tile takes abreast.
constexpr int kMostAbreast = 8;

}  // namespace

Sharing share(const StepRows& rows, int heads_of_kv_head, bool tiled) {
  Sharing sharing;
  int longest = 0;
  for (auto& run : rows.runs) {
    longest = std::max(longest, run.count);
  }
  // A row's sums are others in a tile than alone: where they must not depend on how a prompt was cut, all go alone.
  if (!tiled || row_independent() || longest < kShortestTiled) {
    return sharing;
  }
  sharing.abreast = std::min(heads_of_kv_head, kMostAbreast);
  sharing.warps = longest * sharing.abreast > 256 ? 8 : 4;
  int per_tile = 16 * sharing.warps / sharing.abreast;
  std::vector<std::pair<int32_t, int32_t>> tiles;
  for (auto& run : rows.runs) {
    for (int i = 0; i < run.count; i += run.count < kShortestTiled ? 1 : per_tile) {
      if (run.count < kShortestTiled) {
        sharing.singles.push_back(run.row + i);
      } else {
        tiles.emplace_back(run.row + i, std::min(per_tile, run.count - i));
      }
    }
  }
  // The longest work first, or it would be what all wait for at the end.
  std::stable_sort(tiles.begin(), tiles.end(),
                   [&](auto& a, auto& b) { return rows.positions[a.first] > rows.positions[b.first]; });
  for (auto& [row, count] : tiles) {
    sharing.tiles.insert(sharing.tiles.end(), {row, count});
  }
  return sharing;
}

bool goes_together(const StepRows& rows, const SequenceRows& run, int window) {
  int last = rows.positions[run.row + run.count - 1];
  return run.count >= 16 && run.first == 0 && (window == 0 || last < window) && !row_independent();
}

Sharing share_singles(const StepRows& rows, int window) {
  Sharing sharing;
  sharing.window = window;
  bool all = true;
  for (auto& run : rows.runs) {
    if (goes_together(rows, run, window)) {
      all = false;
      continue;
    }
    for (int i = 0; i < run.count; i++) {
      sharing.singles.push_back(run.row + i);
    }
  }
  if (all) {
    sharing.singles.clear();
  }
  return sharing;
}

const mx::array& words_of(Step& step, const Sharing& sharing, mx::Stream s) {
  std::string name = "gpu words";
  if (!sharing.all_single()) {
    name += ' ' + std::to_string(sharing.abreast);
    name += ' ' + std::to_string(sharing.window);
  }
  return step.derived(name, [&] {
    auto& rows = *step.rows();
    std::vector<int32_t> words;
    words.reserve(4 * rows.size() + rows.tables.size() + sharing.singles.size() + sharing.tiles.size());
    for (int i = 0; i < rows.size(); i++) {
      auto& run = rows.run(i);
      words.insert(words.end(), {rows.positions[i], run.table, run.first, run.sinks});
    }
    for (auto* more : {&rows.tables, &sharing.singles, &sharing.tiles}) {
      words.insert(words.end(), more->begin(), more->end());
    }
    return uploaded(words, s);
  });
}

// On CUDA through memory that both reach, since what MLX makes there is managed memory, which would move twice a step.
mx::array uploaded(const std::vector<int32_t>& values, mx::Stream s) {
  int n = static_cast<int>(values.size());
  if (!cuda::available()) {
    // Not fewer than eight, or Metal takes them for constants, which have another address space.
    auto padded = values;
    padded.resize(std::max(n, 8));
    return mx::array(padded.begin(), {static_cast<int>(padded.size())}, mx::int32);
  }
  auto x = host_array({n}, mx::int32);
  std::copy(values.begin(), values.end(), x.data<int32_t>());
  constexpr int kGroups = 8;
  static Kernels kernels;
  auto& kernel = kernels.of(0, [&]() -> KernelVariant {
    return {"VllmdGpuUpload",
            kUpload,
            {{"int", "x"}},
            {"int", "out"},
            define("THREADS", kThreads) + define("GROUPS", kGroups),
            kThreads};
  });
  return launch({kernel, {x}, {n}, mx::int32, {n}, {std::min(kGroups, (n + kThreads - 1) / kThreads), 1, 1}}, s);
}

}  // namespace vllmd::gpu
