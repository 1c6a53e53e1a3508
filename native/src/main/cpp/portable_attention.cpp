// The KV arena through MLX's operations. An update takes over the old array's memory when nothing else holds it: the
// entry points drop the old handle, and the engine runs at most one step ahead.
#include "engine.h"
#include "mlx/fast.h"
#include "mlx/ops.h"

namespace vllmd::portable {

namespace {

mx::array host(const std::vector<int32_t>& values) {
  return mx::array(values.begin(), {static_cast<int>(values.size())}, mx::int32);
}

mx::array heads_of(const mx::array& x, int first, int count, int head_dim, mx::Stream s) {
  int n = x.shape(0);
  auto part = mx::slice(x, {0, first * head_dim}, {n, (first + count) * head_dim}, s);
  return mx::reshape(part, {n, count, 1, head_dim}, s);
}

// x [n, heads, 1, head_dim], one row a sequence of one token at its own position.
mx::array turn(const mx::array& x, const std::optional<mx::array>& norm, float eps, const RopeSpec& rope,
               const mx::array& positions, mx::Stream s) {
  auto y = norm ? mx::fast::rms_norm(x, *norm, eps, s) : x;
  if (rope.dims == 0) {
    return y;
  }
  std::optional<float> base;
  if (!rope.freqs) {
    base = rope.base;
  }
  return mx::fast::rope(y, rope.dims, false, base, rope.freqs ? 1.0f : rope.scale, positions, rope.freqs, s);
}

// One chunk of a prompt: causal attention over the slot's own slice, the last row seeing all of it.
mx::array attend_run(const mx::array& q, const mx::array& k, const mx::array& v, const Rows& rows, const Run& run,
                     int heads, float scale, mx::Stream s) {
  int slot = rows.slots[run.first], keys = rows.positions[run.first + run.count - 1] + 1;
  int kv_heads = k.shape(1), head_dim = k.shape(3);
  auto mine = [&](const mx::array& arena) {
    return mx::slice(arena, {slot, 0, 0, 0}, {slot + 1, kv_heads, keys, head_dim}, s);
  };
  auto x = mx::slice(q, {run.first, 0}, {run.first + run.count, heads * head_dim}, s);
  x = mx::transpose(mx::reshape(x, {1, run.count, heads, head_dim}, s), {0, 2, 1, 3}, s);
  auto mode = run.count > 1 ? "causal" : "";
  auto y = mx::fast::scaled_dot_product_attention(x, mine(k), mine(v), scale, mode, {}, {}, false, s);
  return mx::reshape(mx::transpose(y, {0, 2, 1, 3}, s), {run.count, heads * head_dim}, s);
}

// Decode rows of different slots, in ascending slots where that saves the gather, under one mask of the step.
mx::array attend_single(const mx::array& q, const mx::array& k, const mx::array& v, Batch& batch,
                        const std::vector<Run>& singles, int heads, float scale, mx::Stream s) {
  const Rows& rows = *batch.rows();
  int n = static_cast<int>(singles.size()), kv_heads = k.shape(1), head_dim = k.shape(3);
  int keys = 0;
  bool adjacent = true;
  std::vector<int32_t> slots(n), last(n), index(n);
  for (int i = 0; i < n; i++) {
    index[i] = singles[i].first;
    slots[i] = rows.slots[index[i]];
    last[i] = rows.positions[index[i]];
    keys = std::max(keys, last[i] + 1);
    adjacent = adjacent && slots[i] == slots[0] + i;
  }
  auto mine = [&](const mx::array& arena) {
    if (adjacent) {
      return mx::slice(arena, {slots[0], 0, 0, 0}, {slots[0] + n, kv_heads, keys, head_dim}, s);
    }
    auto& order = batch.derived("slots", [&] { return host(slots); });
    return mx::take(mx::slice(arena, {0, 0, 0, 0}, {arena.shape(0), kv_heads, keys, head_dim}, s), order, 0, s);
  };
  auto x = n == rows.size() ? q : mx::take(q, batch.derived("singles", [&] { return host(index); }), 0, s);
  x = mx::reshape(x, {n, heads, 1, head_dim}, s);
  // Contiguous over the heads, or every layer would copy it.
  auto& mask = batch.derived("mask " + std::to_string(heads), [&] {
    auto seen = mx::less_equal(mx::reshape(mx::arange(keys, mx::int32, s), {1, 1, 1, keys}, s),
                               mx::reshape(host(last), {n, 1, 1, 1}, s), s);
    return mx::contiguous(mx::broadcast_to(seen, {n, heads, 1, keys}, s), false, s);
  });
  auto y = mx::fast::scaled_dot_product_attention(x, mine(k), mine(v), scale, "array", mask, {}, false, s);
  return mx::reshape(y, {n, heads * head_dim}, s);
}

}  // namespace

QkvWritten qkv_rope_write(const mx::array& k, const mx::array& v, const mx::array& qkv, Batch& batch, HeadShape shape,
                          const HeadNorm& norm, const RopeSpec& rope, mx::Stream s) {
  const Rows& rows = *batch.rows();
  int n = rows.size(), d = shape.head_dim;
  auto& positions = batch.derived("positions", [&] { return host(rows.positions); });
  auto& slots = batch.derived("row slots", [&] { return host(rows.slots); });
  auto q = turn(heads_of(qkv, 0, shape.heads, d, s), norm.q, norm.eps, rope, positions, s);
  auto key = turn(heads_of(qkv, shape.heads, shape.kv_heads, d, s), norm.k, norm.eps, rope, positions, s);
  auto value = heads_of(qkv, shape.heads + shape.kv_heads, shape.kv_heads, d, s);
  auto write = [&](const mx::array& arena, const mx::array& update) {
    auto rows_of = mx::reshape(mx::astype(update, arena.dtype(), s), {n, 1, shape.kv_heads, 1, d}, s);
    return mx::scatter(arena, {slots, positions}, rows_of, {0, 2}, s);
  };
  return {mx::reshape(q, {n, shape.heads * d}, s), write(k, key), write(v, value)};
}

mx::array attention(const mx::array& q, const mx::array& k, const mx::array& v, Batch& batch, int heads, float scale,
                    mx::Stream s) {
  const Rows& rows = *batch.rows();
  auto x = mx::astype(q, k.dtype(), s);
  std::vector<Run> singles;
  for (auto& run : rows.runs) {
    if (run.count == 1) {
      singles.push_back(run);
    }
  }
  auto back = [&](const mx::array& y) { return mx::astype(y, q.dtype(), s); };
  if (singles.size() == rows.runs.size() && singles.size() > 1) {
    return back(attend_single(x, k, v, batch, singles, heads, scale, s));
  }
  std::vector<mx::array> parts;
  std::optional<mx::array> together;
  if (singles.size() > 1) {
    together = attend_single(x, k, v, batch, singles, heads, scale, s);
  }
  int next_single = 0;
  for (auto& run : rows.runs) {
    if (run.count == 1 && together) {
      parts.push_back(mx::slice(*together, {next_single, 0}, {next_single + 1, q.shape(1)}, s));
      next_single++;
    } else {
      parts.push_back(attend_run(x, k, v, rows, run, heads, scale, s));
    }
  }
  return back(parts.size() == 1 ? parts[0] : mx::concatenate(std::move(parts), 0, s));
}

mx::array kv_copy(const mx::array& dst, int to, const mx::array& src, int from, int length, mx::Stream s) {
  int kv_heads = src.shape(1), head_dim = src.shape(3);
  auto part = mx::slice(src, {from, 0, 0, 0}, {from + 1, kv_heads, length, head_dim}, s);
  return mx::slice_update(dst, part, mx::Shape{to, 0, 0, 0}, mx::Shape{to + 1, kv_heads, length, head_dim}, s);
}

}  // namespace vllmd::portable
