// out int32 [n]: the largest of each row of x [n, V], the first of equals; a group per row. NaN counts as -inf.
// params: V.
GPU_FUNCTIONS(
FUNCTION void keep_larger(LOCAL float& best, LOCAL int& at, float other, int other_at) {
  if (other > best || (other == best && other_at < at)) {
    best = other;
    at = other_at;
  }
}
)
GPU_BODY(
  const int n = params[0];
  const DEVICE Value* row = x + long(GROUP_X) * n;
  float best = as_float(0xff800000u);
  int at = 0;
  if (n % 8 == 0) {
    for (int i = 8 * THREAD; i < n; i += 8 * 32 * WARPS) {
      float v[8];
      load8(row + i, v);
      UNROLL
      for (int j = 0; j < 8; j++) {
        keep_larger(best, at, v[j], i + j);
      }
    }
  } else {
    for (int i = THREAD; i < n; i += 32 * WARPS) {
      keep_larger(best, at, to_float(row[i]), i);
    }
  }
  UNROLL
  for (int mask = 16; mask > 0; mask /= 2) {
    keep_larger(best, at, shuffle_xor(best, mask), shuffle_xor(at, mask));
  }
  SHARED float bests[WARPS];
  SHARED int places[WARPS];
  if (LANE == 0) {
    bests[WARP] = best;
    places[WARP] = at;
  }
  BARRIER();
  if (THREAD == 0) {
    for (int i = 1; i < WARPS; i++) {
      keep_larger(best, at, bests[i], places[i]);
    }
    out[GROUP_X] = at;
  }
)
