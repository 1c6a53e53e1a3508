// out [m, WORDS · 16 bytes] = the rows of x that `chosen` names: a group per row.
GPU_FUNCTIONS()
GPU_BODY(
  const DEVICE uint* row = x + long(chosen[GROUP_X]) * (4 * WORDS);
  DEVICE uint* to = out + long(GROUP_X) * (4 * WORDS);
  for (int i = THREAD; i < 4 * WORDS; i += THREADS) {
    to[i] = row[i];
  }
)
