// out int32 [n]: previous[from[i]] where from[i] >= 0, else ids[i]; `choice` is from, then ids. params: n.
GPU_FUNCTIONS()
GPU_BODY(
  const int n = params[0];
  for (int i = THREAD; i < n; i += THREADS) {
    out[i] = choice[i] >= 0 ? previous[choice[i]] : choice[n + i];
  }
)
