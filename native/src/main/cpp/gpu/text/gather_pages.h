// The keys, or the values, of one sequence one after another: out [kv_heads][positions][HEAD_DIM] from its pages, a group
// per (page, kv head). params: kv_heads, positions, where its table begins in `step`.
GPU_FUNCTIONS()
GPU_BODY(
  const int kv_heads = params[0];
  const int positions = params[1];
  const long page = step[params[2] + GROUP_X];
  const int count = positions - 64 * GROUP_X < 64 ? positions - 64 * GROUP_X : 64;
  const DEVICE Cached* from = pages + (page * kv_heads + GROUP_Y) * (64 * HEAD_DIM);
  DEVICE Cached* to = out + (long(GROUP_Y) * positions + 64 * GROUP_X) * HEAD_DIM;
  for (int i = THREAD; i < count * HEAD_DIM; i += THREADS) {
    to[i] = from[i];
  }
)
