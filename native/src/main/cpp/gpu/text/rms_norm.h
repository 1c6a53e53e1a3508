// out [n, K] = x / sqrt(mean(x²) + eps) · weight: a group per row. params: K (a multiple of 8), eps.
GPU_FUNCTIONS()
GPU_BODY(
  const int k = params[0];
  const DEVICE Value* row = x + long(GROUP_X) * k;
  DEVICE Value* to = out + long(GROUP_X) * k;
  float squares = 0;
  for (int at = 8 * THREAD; at < k; at += 8 * 32 * WARPS) {
    float v[8];
    load8(row + at, v);
    UNROLL
    for (int i = 0; i < 8; i++) {
      squares = mad(v[i], v[i], squares);
    }
  }
  SHARED float lengths[WARPS];
  const float mine = sum_over<32>(squares);
  if (LANE == 0) {
    lengths[WARP] = mine;
  }
  BARRIER();
  float length = 0;
  for (int i = 0; i < WARPS; i++) {
    length += lengths[i];
  }
  const float inverse = inverse_root(length / float(k) + as_float(uint(params[1])));
  for (int at = 8 * THREAD; at < k; at += 8 * 32 * WARPS) {
    float v[8];
    float f[8];
    load8(row + at, v);
    load8(weight + at, f);
    UNROLL
    for (int i = 0; i < 8; i++) {
      store(to + at + i, v[i] * inverse * f[i]);
    }
  }
)
