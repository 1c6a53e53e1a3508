// out int32 [n] = x, from the host's memory into the device's. params: n.
GPU_FUNCTIONS()
GPU_BODY(
  for (int i = GROUP_X * THREADS + THREAD; i < params[0]; i += GROUPS * THREADS) {
    out[i] = x[i];
  }
)
