// out [n, F] = silu(x[:, :F]) · x[:, F:], a thread per eight values. params: F (a multiple of 8).
GPU_FUNCTIONS()
GPU_BODY(
  const int f = params[0];
  const int at = (GROUP_X * THREADS + THREAD) * 8;
  if (at >= f) {
    return;
  }
  const DEVICE Value* row = x + long(GROUP_Y) * 2 * f;
  float gate[8];
  float up[8];
  load8(row + at, gate);
  load8(row + f + at, up);
  UNROLL
  for (int i = 0; i < 8; i++) {
    store(out + long(GROUP_Y) * f + at + i, gate[i] / (1.0f + exponential(-gate[i])) * up[i]);
  }
)
