// Cosines and sines of the rows of a step, made once per kind of rotation.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "mlx/array.h"

namespace vllmd {

namespace mx = mlx::core;

// Rotation of the rows: cosines and sines [rows, rope_dims / 2].
struct Rotation {
  std::vector<float> cosines;
  std::vector<float> sines;
};

struct RopeSpec {
  int dims;
  float base;
  float scale;
  std::optional<mx::array> freqs;
};

class Rotations {
 public:
  // Of the same positions at every call.
  std::shared_ptr<const Rotation> of(const RopeSpec& rope, const std::vector<int32_t>& positions);

 private:
  struct Entry {
    RopeSpec rope;  // holds freqs, so that no other array can take its identity
    std::shared_ptr<const Rotation> rotation;
  };

  std::vector<Entry> entries_;
};

}  // namespace vllmd
