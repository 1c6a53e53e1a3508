// The engine's operations built from MLX's own: what runs on Metal and CUDA, and on the CPU for comparison.

#include "engine.h"
#include "mlx/fast.h"
#include "mlx/ops.h"

namespace vllmd::portable {

namespace {

mx::array host(const std::vector<int32_t>& values) {
  return mx::array(values.begin(), {static_cast<int>(values.size())}, mx::int32);
}

}  // namespace

mx::array linear(const mx::array& x, const Weight& w, const std::optional<mx::array>& bias,
                 const std::optional<mx::array>& residual, mx::Stream s) {
  auto y = w.scales ? mx::quantized_matmul(x, w.w, *w.scales, w.biases, true, w.group, w.bits, "affine", s)
                    : mx::matmul(x, mx::transpose(w.w, s), s);
  if (bias) {
    y = mx::add(y, *bias, s);
  }
  return residual ? mx::add(y, *residual, s) : y;
}

mx::array embedding(const mx::array& ids, const Weight& w, mx::Stream s) {
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
