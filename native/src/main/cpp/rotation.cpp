#include "rotation.h"

#include <cmath>

#include "mlx/ops.h"

namespace vllmd {

std::shared_ptr<const Rotation> Rotations::of(const RopeSpec& rope, const std::vector<int32_t>& positions) {
  auto identity = [](const std::optional<mx::array>& a) { return a ? a->id() : 0; };
  for (auto& entry : entries_) {
    auto& known = entry.rope;
    if (known.dims == rope.dims && known.base == rope.base && known.scale == rope.scale &&
        identity(known.freqs) == identity(rope.freqs)) {
      return entry.rotation;
    }
  }
  int half = rope.dims / 2;
  std::vector<double> per_position(half);
  if (rope.freqs) {
    auto freqs = mx::astype(*rope.freqs, mx::float32, mx::Device::cpu);
    freqs.eval();
    for (int i = 0; i < half; i++) {
      per_position[i] = 1.0 / static_cast<double>(freqs.data<float>()[i * freqs.strides(0)]);
    }
  } else {
    for (int i = 0; i < half; i++) {
      per_position[i] = rope.scale * std::pow(static_cast<double>(rope.base), -2.0 * i / rope.dims);
    }
  }
  auto made = std::make_shared<Rotation>();
  size_t size = positions.size() * half;
  made->cosines.resize(size);
  made->sines.resize(size);
  constexpr double turn = 6.283185307179586476925;
  for (size_t at = 0; at < size; at++) {
    // The angle is reduced in double, where positions of 10^6 still leave 10 digits; the rest float32 can do.
    double angle = positions[at / half] * per_position[at % half];
    auto rest = static_cast<float>(angle - turn * std::nearbyint(angle / turn));
    made->cosines[at] = std::cos(rest);
    made->sines[at] = std::sin(rest);
  }
  entries_.push_back({rope, made});
  return made;
}

}  // namespace vllmd
