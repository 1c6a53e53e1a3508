#include "portable_ranking.h"

#include <limits>

#include "mlx/ops.h"

namespace vllmd::portable {

namespace {

constexpr int kBlock = 64;

// MLX sorts so many in one pass of one kernel.
constexpr int kSortedAtOnce = 2048;

// Stable and ascending, so the negated values keep equal ones in the order of their places.
mx::array order(const mx::array& x, int k, mx::Stream s) {
  return mx::slice(mx::argsort(mx::negative(x, s), 1, s), {0, 0}, {x.shape(0), k}, s);
}

First by_sorting(const mx::array& x, int k, mx::Stream s) {
  auto ids = order(x, k, s);
  return {mx::astype(ids, mx::int32, s), mx::take_along_axis(x, ids, 1, s)};
}

}  // namespace

First first_ranked(const mx::array& x, int k, mx::Stream s) {
  int n = x.shape(0), vocabulary = x.shape(1), blocks = (vocabulary + kBlock - 1) / kBlock;
  if (vocabulary <= kSortedAtOnce || 4 * k >= blocks) {
    return by_sorting(x, k, s);
  }
  // Whatever is among the k first lies in one of the k blocks that come first by their largest value: each of those
  // holds a token that goes before all of a block that comes later.
  auto padded = x;
  if (blocks * kBlock > vocabulary) {
    padded = mx::concatenate(
        {x, mx::full({n, blocks * kBlock - vocabulary}, -std::numeric_limits<float>::infinity(), x.dtype(), s)}, 1, s);
  }
  auto grouped = mx::reshape(padded, {n, blocks, kBlock}, s);
  // Ascending, so that places keep the order of ids.
  auto chosen = mx::sort(order(mx::max(grouped, 2, false, s), k, s), 1, s);
  auto within = mx::reshape(mx::arange(0, kBlock, mx::uint32, s), {1, 1, kBlock}, s);
  auto ids = mx::add(mx::multiply(mx::reshape(chosen, {n, k, 1}, s), mx::array(static_cast<uint32_t>(kBlock)), s), within, s);
  ids = mx::reshape(ids, {n, k * kBlock}, s);
  auto candidates = mx::take_along_axis(padded, ids, 1, s);
  auto first = order(candidates, k, s);
  return {mx::astype(mx::take_along_axis(ids, first, 1, s), mx::int32, s), mx::take_along_axis(candidates, first, 1, s)};
}

}  // namespace vllmd::portable
