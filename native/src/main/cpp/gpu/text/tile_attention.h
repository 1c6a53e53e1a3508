// Attention of the rows of runs over pages, on the matrix units: a group takes one tile of a run's rows with the query
// heads of one kv head, 16 pairs of row and head a warp, and goes through the pages that the tile sees, BLOCK keys at a
// time. A row's result does not depend on the tile it is in, nor on where its run begins.
// params: heads, kv_heads, rows of the step, where the list of tiles begins in `step`, window, scale · log2 e, tiles of
// query heads per kv head, query heads of a tile.
// step: as for attention.h; a tile is its first row and its number of rows, all of one sequence.
// Dimensions stand in the fragments in an order that lets a lane read neighbours: four of a query or key for each step of
// 16, and of the values' dimensions 2g and 2g + 1 in a pair of tiles.
GPU_FUNCTIONS(
// Brings this thread's pieces of the BLOCK keys and values from position `at` on. What lies behind the last position is
// nobody's: zero, because a number times no weight must be nothing.
template <int CHUNKS>
FUNCTION void bring(const DEVICE Cached* keys, const DEVICE Cached* values, const DEVICE int* step, int table, int at, int last,
                    int kv_heads, int kv_head, int thread, LOCAL uint (&next_keys)[CHUNKS][4],
                    LOCAL uint (&next_values)[CHUNKS][4]) {
  long page = step[table + at / 64];
  UNROLL
  for (int c = 0; c < CHUNKS; c++) {
    int piece = thread + c * 32 * WARPS;
    int key = piece / (HEAD_DIM / 8);
    long from = ((page * kv_heads + kv_head) * 64 + at % 64 + key) * HEAD_DIM + piece % (HEAD_DIM / 8) * 8;
    load_words(keys + from, next_keys[c]);
    load_words(values + from, next_values[c]);
    UNROLL
    for (int i = 0; i < 4; i++) {
      next_values[c][i] = at + key <= last ? next_values[c][i] : 0;
    }
  }
}
// Halves of two words of neighbouring keys: (low, low) and (high, high).
FUNCTION void pair_keys(uint first, uint second, LOCAL uint& low, LOCAL uint& high) {
  low = (first & 0xffffu) | second << 16;
  high = first >> 16 | (second & 0xffff0000u);
}
)
GPU_BODY(
  constexpr int WORDS = HEAD_DIM / 2;
  // Of a row in shared memory: so that the lanes of a load hit different banks.
  constexpr int KEY_STRIDE = (WORDS + 31) / 32 * 32 + 8;
  constexpr int VALUE_STRIDE = (WORDS + 15) / 16 * 16 + 4;
  constexpr int CHUNKS = BLOCK * HEAD_DIM / 8 / (32 * WARPS);
  constexpr int STEPS = HEAD_DIM / 16;
  constexpr bool HOLD_QUERY = HEAD_DIM <= 128;
  SHARED uint key_tile[BLOCK * KEY_STRIDE];
  SHARED uint value_tile[BLOCK * VALUE_STRIDE];

  const int heads = params[0];
  const int kv_heads = params[1];
  const int tiles = params[6];
  const int abreast = params[7];
  const int group = heads / kv_heads;
  const int first_row = step[params[3] + 2 * GROUP_X];
  const int count = step[params[3] + 2 * GROUP_X + 1];
  const int kv_head = GROUP_Y / tiles;
  const int first_head = GROUP_Y % tiles * abreast;
  const int first_position = step[4 * first_row];
  const int last_position = first_position + count - 1;
  const int table = 4 * params[2] + step[4 * first_row + 1];
  const int earliest = step[4 * first_row + 2];
  const int sinks = step[4 * first_row + 3];
  const Seen first_seen = seen_by(first_position, earliest, sinks, params[4]);
  const float scale = as_float(uint(params[5]));
  const int g = LANE / 4;
  const int t = LANE % 4;

  // This lane's two pairs of row and head; -1 where there is none.
  int mine[2];
  int begin[2];
  int position[2];
  const DEVICE Value* query[2];
  long target[2];
  UNROLL
  for (int half = 0; half < 2; half++) {
    int slot = WARP * 16 + g + 8 * half;
    int row = slot / abreast;
    int head = first_head + slot % abreast;
    bool valid = row < count && head < group;
    mine[half] = valid ? row : -1;
    position[half] = first_position + (valid ? row : 0);
    begin[half] = seen_by(position[half], earliest, sinks, params[4]).begin;
    target[half] = (long(first_row + (valid ? row : 0)) * heads + kv_head * group + (valid ? head : 0)) * HEAD_DIM;
    query[half] = q + target[half];
  }
  uint held[HOLD_QUERY ? STEPS : 1][4];
  if (HOLD_QUERY) {
    UNROLL
    for (int s = 0; s < STEPS; s++) {
      uint upper[2];
      uint lower[2];
      load_words(query[0] + 16 * s + 4 * t, upper);
      load_words(query[1] + 16 * s + 4 * t, lower);
      held[s][0] = upper[0];
      held[s][1] = lower[0];
      held[s][2] = upper[1];
      held[s][3] = lower[1];
    }
  }
  float sum[HEAD_DIM / 8][4];
  UNROLL
  for (int j = 0; j < HEAD_DIM / 8; j++) {
    UNROLL
    for (int i = 0; i < 4; i++) {
      sum[j][i] = 0;
    }
  }
  float peak[2] = {-3.0e38f, -3.0e38f};
  float weight[2] = {0, 0};

  uint next_keys[CHUNKS][4];
  uint next_values[CHUNKS][4];
  int at = sinks > 0 ? 0 : first_seen.begin / BLOCK * BLOCK;
  bring(keys, values, step, table, at, last_position, kv_heads, kv_head, THREAD, next_keys, next_values);
  while (at <= last_position) {
    BARRIER();
    UNROLL
    for (int c = 0; c < CHUNKS; c++) {
      int piece = THREAD + c * 32 * WARPS;
      int key = piece / (HEAD_DIM / 8);
      int word = piece % (HEAD_DIM / 8) * 4;
      store_words(key_tile + key * KEY_STRIDE + word, next_keys[c]);
      store_words(value_tile + key * VALUE_STRIDE + word, next_values[c]);
    }
    BARRIER();
    const int now = at;
    at += BLOCK;
    if (at >= sinks && at + BLOCK <= first_seen.begin) {
      at = first_seen.begin / BLOCK * BLOCK;
    }
    if (at <= last_position) {
      bring(keys, values, step, table, at, last_position, kv_heads, kv_head, THREAD, next_keys, next_values);
    }

    float score[BLOCK / 8][4];
    UNROLL
    for (int n = 0; n < BLOCK / 8; n++) {
      UNROLL
      for (int i = 0; i < 4; i++) {
        score[n][i] = 0;
      }
    }
    UNROLL
    for (int s = 0; s < STEPS; s++) {
      uint a[4];
      if (HOLD_QUERY) {
        UNROLL
        for (int i = 0; i < 4; i++) {
          a[i] = held[s * HOLD_QUERY][i];
        }
      } else {
        uint upper[2];
        uint lower[2];
        load_words(query[0] + 16 * s + 4 * t, upper);
        load_words(query[1] + 16 * s + 4 * t, lower);
        a[0] = upper[0];
        a[1] = lower[0];
        a[2] = upper[1];
        a[3] = lower[1];
      }
      UNROLL
      for (int n = 0; n < BLOCK / 8; n++) {
        uint b[2];
        load_shared(key_tile + (8 * n + g) * KEY_STRIDE + 8 * s + 2 * t, b);
        multiply_tile(Value(), score[n], a, b);
      }
    }
    UNROLL
    for (int half = 0; half < 2; half++) {
      float top = peak[half];
      UNROLL
      for (int n = 0; n < BLOCK / 8; n++) {
        UNROLL
        for (int i = 0; i < 2; i++) {
          int key = now + 8 * n + 2 * t + i;
          bool seen = key <= position[half] && (key >= begin[half] || key < sinks);
          float x = seen ? score[n][2 * half + i] * scale : -3.0e38f;
          score[n][2 * half + i] = x;
          top = larger(top, x);
        }
      }
      top = larger(top, shuffle_xor(top, 1));
      top = larger(top, shuffle_xor(top, 2));
      float shrink = power_of_two(peak[half] - top);
      peak[half] = top;
      float mass = 0;
      UNROLL
      for (int n = 0; n < BLOCK / 8; n++) {
        UNROLL
        for (int i = 0; i < 2; i++) {
          float x = score[n][2 * half + i];
          float p = x > -2.9e38f ? power_of_two(x - top) : 0.0f;
          score[n][2 * half + i] = p;
          mass += p;
        }
      }
      weight[half] = mad(weight[half], shrink, sum_over<4>(mass));
      UNROLL
      for (int j = 0; j < HEAD_DIM / 8; j++) {
        sum[j][2 * half] *= shrink;
        sum[j][2 * half + 1] *= shrink;
      }
    }
    UNROLL
    for (int s = 0; s < BLOCK / 16; s++) {
      const uint a[4] = {pack(Value(), score[2 * s][0], score[2 * s][1]), pack(Value(), score[2 * s][2], score[2 * s][3]),
                         pack(Value(), score[2 * s + 1][0], score[2 * s + 1][1]),
                         pack(Value(), score[2 * s + 1][2], score[2 * s + 1][3])};
      const SHARED_POINTER uint* from = value_tile + (16 * s + 2 * t) * VALUE_STRIDE + g;
      UNROLL
      for (int j = 0; j < HEAD_DIM / 16; j++) {
        uint even[2];
        uint odd[2];
        pair_keys(from[8 * j], from[8 * j + VALUE_STRIDE], even[0], odd[0]);
        pair_keys(from[8 * j + 8 * VALUE_STRIDE], from[8 * j + 9 * VALUE_STRIDE], even[1], odd[1]);
        multiply_tile(Value(), sum[2 * j], a, even);
        multiply_tile(Value(), sum[2 * j + 1], a, odd);
      }
    }
  }
  UNROLL
  for (int half = 0; half < 2; half++) {
    if (mine[half] >= 0) {
      float inverse = 1.0f / weight[half];
      UNROLL
      for (int j = 0; j < HEAD_DIM / 16; j++) {
        DEVICE Value* to = out + target[half] + 16 * j + 4 * t;
        store(to, sum[2 * j][2 * half] * inverse);
        store(to + 1, sum[2 * j + 1][2 * half] * inverse);
        store(to + 2, sum[2 * j][2 * half + 1] * inverse);
        store(to + 3, sum[2 * j + 1][2 * half + 1] * inverse);
      }
    }
  }
)
