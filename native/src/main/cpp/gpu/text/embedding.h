// out [n, DEPTH] = rows `ids` of a packed table, a thread per eight values. An id outside the table gives its nearest row.
// params: rows of the table.
GPU_FUNCTIONS()
GPU_BODY(
  const int asked = ids[GROUP_Y];
  const int id = asked < 0 ? 0 : asked < params[0] ? asked : params[0] - 1;
  const int at = (GROUP_X * THREADS + THREAD) * 8;
  if (at >= DEPTH) {
    return;
  }
  uint words[BITS / 4];
  load_words(w + (long(id) * DEPTH + at) / (32 / BITS), words);
  const long group = (long(id) * DEPTH + at) / GROUP_SIZE;
  const float scale = to_float(scales[group]);
  const float bias = to_float(biases[group]);
  UNROLL
  for (int i = 0; i < 8; i++) {
    uint code = words[i * BITS / 32] >> (i * BITS % 32) & ((1u << BITS) - 1);
    store(out + long(GROUP_Y) * DEPTH + at + i, mad(float(code), scale, bias));
  }
)
