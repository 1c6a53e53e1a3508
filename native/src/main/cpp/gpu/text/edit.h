// out float32 [n, V]: the logits x [n, V] with each row's bias, penalties and mask, as vm_choose says. A group per CHUNK
// logits of a row.
// params: V, where in `asked` the count ids, generated, repeats, bias ids, biases and masks begin, words of a mask.
// asked: a row's [counts_from, counts_to, bias_from, bias_to, mask, last, presence, frequency, repetition]; then the lists.
GPU_FUNCTIONS(
FUNCTION float edit_penalised(float x, int generated, int repeats, float presence, float frequency, float repetition) {
  if (repeats > 0) {
    x = x > 0 ? x / repetition : x * repetition;
  }
  return generated > 0 ? x - (presence + frequency * float(generated)) : x;
}
)
GPU_BODY(
  const int n = params[0];
  const int begin = GROUP_X * CHUNK;
  const int size = n - begin < CHUNK ? n - begin : CHUNK;
  const DEVICE int* row = asked + 9 * GROUP_Y;
  const float presence = as_float(uint(row[6]));
  const float frequency = as_float(uint(row[7]));
  const float repetition = as_float(uint(row[8]));
  const bool penalises = presence != 0 || frequency != 0 || repetition != 1;
  SHARED float values[CHUNK];
  SHARED int counted;
  const DEVICE Value* given = x + long(GROUP_Y) * n + begin;
  for (int i = THREAD; i < size; i += THREADS) {
    values[i] = to_float(given[i]);
  }
  if (THREAD == 0) {
    counted = 0;
  }
  BARRIER();
  for (int i = row[2] + THREAD; i < row[3]; i += THREADS) {
    int at = asked[params[4] + i] - begin;
    if (at >= 0 && at < size) {
      values[at] += as_float(uint(asked[params[5] + i]));
    }
  }
  BARRIER();
  if (penalises) {
    const int newest = row[5] >= 0 ? previous[row[5]] - begin : -1;
    for (int i = row[0] + THREAD; i < row[1]; i += THREADS) {
      int at = asked[params[1] + i] - begin;
      if (at >= 0 && at < size) {
        int more = at == newest ? 1 : 0;
        values[at] = edit_penalised(values[at], asked[params[2] + i] + more, asked[params[3] + i] + more, presence, frequency,
                                    repetition);
        if (more > 0) {
          counted = 1;
        }
      }
    }
    BARRIER();
    if (THREAD == 0 && counted == 0 && newest >= 0 && newest < size) {
      values[newest] = edit_penalised(values[newest], 1, 1, presence, frequency, repetition);
    }
    BARRIER();
  }
  DEVICE float* result = out + long(GROUP_Y) * n + begin;
  const DEVICE int* mask = asked + params[6] + row[4] * params[7];
  for (int i = THREAD; i < size; i += THREADS) {
    float value = values[i];
    if (row[4] >= 0) {
      bool may = (uint(mask[(begin + i) / 32]) >> ((begin + i) % 32) & 1) != 0;
      value = may ? (value > -3.402823466e38f ? value : -3.402823466e38f) : as_float(0xff800000u);
    }
    result[i] = value;
  }
)
