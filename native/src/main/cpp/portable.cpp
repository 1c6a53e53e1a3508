// The engine's operations built from MLX's own: what runs on Metal and CUDA, and on the CPU for comparison.

#include "engine.h"
#include "mlx/fast.h"
#include "mlx/ops.h"

namespace vllmd::portable {

namespace {

mx::array host(const std::vector<int32_t>& values) {
  return mx::array(values.begin(), {static_cast<int>(values.size())}, mx::int32);
}

// Elements of panels of 16 rows, side by side, back in rows.
mx::array rows_of(const mx::array& a, mx::Stream s) {
  constexpr int panel = 16;
  auto panels = mx::reshape(a, {a.shape(0) / panel, a.shape(1), panel}, s);
  return mx::reshape(mx::transpose(panels, {0, 2, 1}, s), a.shape(), s);
}

// A weight of the CPU's own layout as MLX knows it.
Weight in_rows(const Weight& w, mx::Stream s) {
  return {rows_of(w.w, s), rows_of(*w.scales, s), rows_of(*w.biases, s), w.group, w.bits, w.n, w.k, false};
}

}  // namespace

mx::array linear(const mx::array& x, const Weight& weight, const LinearExtras& extras, mx::Stream s) {
  auto w = weight.panels ? in_rows(weight, s) : weight;
  auto rows = extras.norm ? rms_norm(x, *extras.norm, extras.eps, s) : x;
  auto y = w.scales ? mx::quantized_matmul(rows, w.w, *w.scales, w.biases, true, w.group, w.bits, "affine", s)
                    : mx::matmul(rows, mx::transpose(w.w, s), s);
  if (extras.bias) {
    y = mx::add(y, *extras.bias, s);
  }
  if (extras.swiglu) {
    y = swiglu(y, s);
  }
  return extras.residual ? mx::add(y, *extras.residual, s) : y;
}

mx::array embedding(const mx::array& ids, const Weight& weight, mx::Stream s) {
  auto w = weight.panels ? in_rows(weight, s) : weight;
  auto rows = mx::take(w.w, ids, 0, s);
  if (w.scales) {
    rows = mx::dequantize(rows, mx::take(*w.scales, ids, 0, s), mx::take(*w.biases, ids, 0, s), w.group, w.bits,
                          "affine", std::nullopt, std::nullopt, s);
  }
  return s.device == mx::Device::cpu ? mx::astype(rows, mx::float32, s) : rows;
}

mx::array rms_norm(const mx::array& x, const mx::array& weight, float eps, mx::Stream s) {
  return mx::fast::rms_norm(x, weight, eps, s);
}

mx::array swiglu(const mx::array& x, mx::Stream s) {
  auto parts = mx::split(x, 2, 1, s);
  return mx::multiply(mx::multiply(parts[0], mx::sigmoid(parts[0], s), s), parts[1], s);
}

mx::array rows(const mx::array& x, std::vector<int32_t> rows, mx::Stream s) { return mx::take(x, host(rows), 0, s); }

mx::array step_tokens(const std::optional<mx::array>& previous, std::vector<int32_t> from, std::vector<int32_t> ids,
                      mx::Stream s) {
  auto given = host(ids);
  if (!previous) {
    return given;
  }
  std::vector<int32_t> index(from.size());
  for (size_t i = 0; i < from.size(); i++) {
    index[i] = from[i] >= 0 ? from[i] : 0;
  }
  auto sampled = mx::take(*previous, host(index), 0, s);
  return mx::where(mx::greater_equal(host(from), mx::array(0), s), sampled, given, s);
}

}  // namespace vllmd::portable
