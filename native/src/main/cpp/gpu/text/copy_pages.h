// Copies the first positions of pages onto others of the same layer, a group per (kv head, copy). `keys` and `values`
// are written though they are inputs; out int32 [n] is `tokens` again, for what is built next to take in.
// copies: [copy][to, from, positions]. params: kv_heads, n.
GPU_FUNCTIONS()
GPU_BODY(
  const int kv_heads = params[0];
  const long to = (long(copies[3 * GROUP_Y]) * kv_heads + GROUP_X) * (64 * HEAD_DIM);
  const long from = (long(copies[3 * GROUP_Y + 1]) * kv_heads + GROUP_X) * (64 * HEAD_DIM);
  for (int i = THREAD; i < copies[3 * GROUP_Y + 2] * HEAD_DIM; i += THREADS) {
    ((DEVICE Cached*)(keys))[to + i] = keys[from + i];
    ((DEVICE Cached*)(values))[to + i] = values[from + i];
  }
  if (GROUP_X == 0 && GROUP_Y == 0) {
    for (int i = THREAD; i < params[1]; i += THREADS) {
      out[i] = tokens[i];
    }
  }
)
