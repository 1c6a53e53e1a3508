// Splits qkv into heads, RMS-norms and rotates those of q and k, and writes k and v into the pages: a warp per head of a
// row, WARPS heads a group. `keys` and `values` are inputs whose memory is written all the same; who reads them next
// takes `out` in too.
// params: heads, kv_heads, rows of the step, eps.
// turns [2][ROPE_DIMS / 2]: how far a position turns, in parts of a full turn, as a sum of two float32: the product with
// a position of six digits keeps an angle right to 1e-6.
// out: q [row][heads][HEAD_DIM].
GPU_FUNCTIONS()
GPU_BODY(
  const int heads = params[0];
  const int kv_heads = params[1];
  const int row = GROUP_Y;
  const int position = step[4 * row];
  SHARED float cosines[ROPE_DIMS / 2 + 1];
  SHARED float sines[ROPE_DIMS / 2 + 1];
  for (int i = THREAD; i < ROPE_DIMS / 2; i += 32 * WARPS) {
    float high = turns[i];
    float product = float(position) * high;
    float rest = mad(float(position), high, -product);
    float turn = product - nearest(product) + mad(float(position), turns[ROPE_DIMS / 2 + i], rest);
    cosines[i] = cosine_of_turn(turn);
    sines[i] = sine_of_turn(turn);
  }
  BARRIER();
  const int head = GROUP_X * WARPS + WARP;
  if (head >= heads + 2 * kv_heads) {
    return;
  }
  const bool is_query = head < heads;
  const bool is_value = head >= heads + kv_heads;
  const DEVICE Value* x = qkv + (long(row) * (heads + 2 * kv_heads) + head) * HEAD_DIM;
  const int kv_head = is_value ? head - heads - kv_heads : head - heads;
  const long page = step[4 * params[2] + step[4 * row + 1] + position / 64];
  const long at = is_query ? 0 : ((page * kv_heads + kv_head) * 64 + position % 64) * HEAD_DIM;
  if (is_value) {
    for (int i = LANE; i < HEAD_DIM; i += 32) {
      store((DEVICE Cached*)(values) + at + i, to_float(x[i]));
    }
    return;
  }
  float inverse = 1;
  if (Q_NORM && is_query || K_NORM && !is_query) {
    float squares = 0;
    for (int i = LANE; i < HEAD_DIM; i += 32) {
      squares = mad(to_float(x[i]), to_float(x[i]), squares);
    }
    inverse = inverse_root(sum_over<32>(squares) / HEAD_DIM + as_float(uint(params[3])));
  }
  for (int i = LANE; i < HEAD_DIM; i += 32) {
    int partner = i < ROPE_DIMS / 2 ? i + ROPE_DIMS / 2 : i < ROPE_DIMS ? i - ROPE_DIMS / 2 : i;
    float a = to_float(x[i]) * inverse;
    float b = to_float(x[partner]) * inverse;
    if (Q_NORM && is_query) {
      a *= to_float(q_norm[i]);
      b *= to_float(q_norm[partner]);
    }
    if (K_NORM && !is_query) {
      a *= to_float(k_norm[i]);
      b *= to_float(k_norm[partner]);
    }
    if (i < ROPE_DIMS / 2) {
      a = a * cosines[i] - b * sines[i];
    } else if (i < ROPE_DIMS) {
      a = a * cosines[partner] + b * sines[partner];
    }
    if (is_query) {
      store(out + (long(row) * heads + head) * HEAD_DIM + i, a);
    } else {
      store((DEVICE Cached*)(keys) + at + i, a);
    }
  }
)
