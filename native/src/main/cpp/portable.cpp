// The engine's operations built from MLX's own: what runs on Metal and CUDA, and on the CPU for comparison.
#include <cmath>

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

// One sort serves all rows, whatever their parameters: filters become masks over the sorted weights.
mx::array sample(const mx::array& logits, std::vector<SamplingRow> rows, mx::Stream s) {
  int n = static_cast<int>(rows.size()), vocabulary = logits.shape(1);
  auto x = mx::astype(logits, mx::float32, s);
  x = mx::where(mx::isnan(x, s), mx::array(-INFINITY), x, s);
  auto greedy = mx::astype(mx::argmax(x, 1, false, s), mx::int32, s);
  std::vector<float> inverse(n), top_p(n), min_p(n), uniform(n);
  std::vector<int32_t> top_k(n);
  bool any = false;
  for (int i = 0; i < n; i++) {
    auto& row = rows[i];
    // Not where it is so cold that the inverse is infinite: 0 * inf would make the largest weigh NaN.
    bool sampled = std::isfinite(1.0f / row.temperature);
    any = any || sampled;
    inverse[i] = sampled ? 1.0f / row.temperature : 1.0f;
    top_k[i] = !sampled ? 1 : row.top_k > 0 ? row.top_k : vocabulary;
    top_p[i] = row.top_p;
    min_p[i] = row.min_p;
    uniform[i] = row.uniform;
  }
  if (!any) {
    return greedy;
  }
  auto column = [&](const auto& values, mx::Dtype dtype) { return mx::array(values.begin(), {n, 1}, dtype); };
  // Stable and ascending, so the negated logits keep equal ones in the order of their ids.
  auto order = mx::argsort(mx::negative(x, s), 1, s);
  auto sorted = mx::take_along_axis(x, order, 1, s);
  auto largest = mx::slice(sorted, {0, 0}, {n, 1}, s);
  auto weights = mx::exp(mx::multiply(mx::subtract(sorted, largest, s), column(inverse, mx::float32), s), s);
  auto zero = mx::array(0.0f);
  auto rank = mx::reshape(mx::arange(vocabulary, mx::int32, s), {1, vocabulary}, s);
  weights = mx::where(mx::less(rank, column(top_k, mx::int32), s), weights, zero, s);
  auto cumulated = mx::cumsum(weights, 1, false, true, s);
  auto total = mx::slice(cumulated, {0, vocabulary - 1}, {n, vocabulary}, s);
  // What came before a token decides: the one that reaches top_p is still kept. top_p = 1 keeps all, whatever the sums
  // round to.
  auto p = column(top_p, mx::float32);
  auto enough = mx::logical_and(mx::less(p, mx::array(1.0f), s),
                                mx::greater_equal(mx::subtract(cumulated, weights, s), mx::multiply(p, total, s), s), s);
  auto drop = mx::logical_or(enough, mx::less(weights, column(min_p, mx::float32), s), s);
  drop = mx::logical_and(drop, mx::greater(rank, mx::array(0), s), s);
  weights = mx::where(drop, zero, weights, s);
  cumulated = mx::cumsum(weights, 1, false, true, s);
  total = mx::slice(cumulated, {0, vocabulary - 1}, {n, vocabulary}, s);
  auto target = mx::multiply(total, column(uniform, mx::float32), s);
  auto last = mx::subtract(mx::sum(mx::astype(mx::greater(weights, zero, s), mx::int32, s), 1, true, s), mx::array(1), s);
  // The first whose cumulated weight exceeds the target stands after all that do not.
  auto index = mx::sum(mx::astype(mx::less_equal(cumulated, target, s), mx::int32, s), 1, true, s);
  auto chosen = mx::take_along_axis(order, mx::maximum(mx::minimum(index, last, s), mx::array(0), s), 1, s);
  auto cold = mx::equal(column(top_k, mx::int32), mx::array(1), s);
  return mx::where(mx::reshape(cold, {n}, s), greedy, mx::astype(mx::reshape(chosen, {n}, s), mx::int32, s), s);
}

}  // namespace vllmd::portable
