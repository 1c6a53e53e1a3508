// Attention of single rows over pages: one group of WARPS warps takes one row, QUERIES query heads of one kv head, and
// one split of the positions that the row sees. LANES lanes share a key, KEYS keys are in flight a lane.
// params: heads, kv_heads, rows of the step, where the rows' list begins in `step` (-1 = all rows), window, scale · log2 e,
// splits, tiles of query heads per kv head, 1 = `out` has a row per entry of the list (else per row of the step).
// step: [rows][position, table, first, sinks], then the tables.
// out: [row][head][HEAD_DIM]; not DIRECT: float32 [entry][head][split][HEAD_DIM sums, largest score, sum of weights].
GPU_FUNCTIONS(
template <int COUNT>
FUNCTION void merge_states(LOCAL float& peak, LOCAL float& weight, LOCAL float* sum, float peak2, float weight2,
                           LOCAL const float* sum2) {
  float top = larger(peak, peak2);
  float mine = power_of_two(peak - top);
  float theirs = power_of_two(peak2 - top);
  weight = mad(weight, mine, weight2 * theirs);
  UNROLL
  for (int i = 0; i < COUNT; i++) {
    sum[i] = mad(sum[i], mine, sum2[i] * theirs);
  }
  peak = top;
}
)
GPU_BODY(
  const int heads = params[0];
  const int kv_heads = params[1];
  const int tables = 4 * params[2];
  const int tiles = params[7];
  const int row = params[3] < 0 ? GROUP_Z : step[params[3] + GROUP_Z];
  const int position = step[4 * row];
  const int table = tables + step[4 * row + 1];
  const Seen seen = seen_by(position, step[4 * row + 2], step[4 * row + 3], params[4]);
  const int size = split_size(seen.total);
  const int from = GROUP_Y * size;
  if (from >= seen.total) {
    return;
  }
  const int to = from + size < seen.total ? from + size : seen.total;
  const int kv_head = GROUP_X / tiles;
  const int group = heads / kv_heads;
  const int head = kv_head * group + GROUP_X % tiles * QUERIES;
  const int last = kv_head * group + group - 1;
  constexpr int PART = HEAD_DIM / LANES;
  constexpr int ABREAST = 32 / LANES;
  const int part = LANE % LANES * PART;

  float query[QUERIES][PART];
  float peak[QUERIES];
  float weight[QUERIES];
  float sum[QUERIES][PART];
  UNROLL
  for (int j = 0; j < QUERIES; j++) {
    int mine = head + j < last ? head + j : last;
    load_values<PART>(q + (long(row) * heads + mine) * HEAD_DIM + part, query[j]);
    peak[j] = -3.0e38f;
    weight[j] = 0;
    UNROLL
    for (int i = 0; i < PART; i++) {
      query[j][i] *= as_float(uint(params[5]));
      sum[j][i] = 0;
    }
  }
  for (int base = from + WARP * KEYS * ABREAST; base < to; base += WARPS * KEYS * ABREAST) {
    float key[KEYS][PART];
    float value[KEYS][PART];
    bool valid[KEYS];
    UNROLL
    for (int u = 0; u < KEYS; u++) {
      int number = base + u * ABREAST + LANE / LANES;
      valid[u] = number < to;
      int at = valid[u] ? seen_position(seen, number) : position;
      long page = step[table + at / 64];
      long offset = ((page * kv_heads + kv_head) * 64 + at % 64) * HEAD_DIM + part;
      load_values<PART>(keys + offset, key[u]);
      load_values<PART>(values + offset, value[u]);
    }
    UNROLL
    for (int j = 0; j < QUERIES; j++) {
      float score[KEYS];
      float top = peak[j];
      UNROLL
      for (int u = 0; u < KEYS; u++) {
        float dot = 0;
        UNROLL
        for (int i = 0; i < PART; i++) {
          dot = mad(query[j][i], key[u][i], dot);
        }
        score[u] = sum_over<LANES>(dot);
        top = valid[u] ? larger(top, score[u]) : top;
      }
      float shrink = power_of_two(peak[j] - top);
      peak[j] = top;
      weight[j] *= shrink;
      UNROLL
      for (int i = 0; i < PART; i++) {
        sum[j][i] *= shrink;
      }
      UNROLL
      for (int u = 0; u < KEYS; u++) {
        float p = valid[u] ? power_of_two(score[u] - top) : 0.0f;
        weight[j] += p;
        UNROLL
        for (int i = 0; i < PART; i++) {
          sum[j][i] = mad(p, value[u][i], sum[j][i]);
        }
      }
    }
  }
  UNROLL
  for (int mask = LANES; mask < 32; mask *= 2) {
    UNROLL
    for (int j = 0; j < QUERIES; j++) {
      float other[PART];
      UNROLL
      for (int i = 0; i < PART; i++) {
        other[i] = shuffle_xor(sum[j][i], mask);
      }
      float peak2 = shuffle_xor(peak[j], mask);
      float weight2 = shuffle_xor(weight[j], mask);
      merge_states<PART>(peak[j], weight[j], sum[j], peak2, weight2, other);
    }
  }
  SHARED float sums[WARPS * QUERIES * HEAD_DIM];
  SHARED float peaks[WARPS * QUERIES];
  SHARED float weights[WARPS * QUERIES];
  if (LANE < LANES) {
    UNROLL
    for (int j = 0; j < QUERIES; j++) {
      UNROLL
      for (int i = 0; i < PART; i++) {
        sums[(WARP * QUERIES + j) * HEAD_DIM + part + i] = sum[j][i];
      }
      if (LANE == 0) {
        peaks[WARP * QUERIES + j] = peak[j];
        weights[WARP * QUERIES + j] = weight[j];
      }
    }
  }
  BARRIER();
  for (int i = THREAD; i < QUERIES * HEAD_DIM; i += 32 * WARPS) {
    int j = i / HEAD_DIM;
    int d = i % HEAD_DIM;
    if (head + j > last) {
      continue;
    }
    float top = peaks[j];
    for (int w = 1; w < WARPS; w++) {
      top = larger(top, peaks[w * QUERIES + j]);
    }
    float total = 0;
    float mass = 0;
    for (int w = 0; w < WARPS; w++) {
      float f = power_of_two(peaks[w * QUERIES + j] - top);
      total = mad(f, sums[(w * QUERIES + j) * HEAD_DIM + d], total);
      mass = mad(f, weights[w * QUERIES + j], mass);
    }
    if (DIRECT) {
      int to_row = params[8] != 0 ? GROUP_Z : row;
      store(out + (long(to_row) * heads + head + j) * HEAD_DIM + d, total / mass);
    } else {
      long at = ((long(GROUP_Z) * heads + head + j) * params[6] + GROUP_Y) * (HEAD_DIM + 2);
      store(out + at + d, total);
      if (d == 0) {
        store(out + at + HEAD_DIM, top);
        store(out + at + HEAD_DIM + 1, mass);
      }
    }
  }
)
