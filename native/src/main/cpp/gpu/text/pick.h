// out int32 [n]: a token per row of x [n, V] by temperature, top-k, top-p and min-p (vm_sample); a group per row. NaN
// counts as -inf. filters [n][5]: inverse temperature (0 = take the largest), top_k, top_p, min_p, uniform; floats as bits.
// params: V.
//
// No sort of the row: a place in the order (the k-th, or the one where so much weight is reached) is closed in by
// halving the range of logits that it must lie in, a pass over the row each, until few enough are left to sort.
// LIST = 32 · WARPS, a power of two: as many are sorted, one a thread.
GPU_FUNCTIONS(
// Weight and number of some tokens.
struct Tally {
  float weight;
  int count;
};

FUNCTION void pick_larger(LOCAL float& best, LOCAL int& at, float other, int other_at) {
  if (other > best || (other == best && other_at < at)) {
    best = other;
    at = other_at;
  }
}

// 0 for NaN and what is too small to count; at most 1.
FUNCTION float pick_weight(float x, float best, float inverse) {
  float below = (x - best) * inverse;
  return below >= -87.0f ? exponential(below) : 0.0f;
}

// The group's tally, in a fixed order; every thread gets it. weights, counts: of a group's warps.
FUNCTION Tally pick_total(Tally mine, int lane, int warp, int warps, SHARED_POINTER float* weights,
                          SHARED_POINTER int* counts) {
  UNROLL
  for (int mask = 16; mask > 0; mask /= 2) {
    mine.weight += shuffle_xor(mine.weight, mask);
    mine.count += shuffle_xor(mine.count, mask);
  }
  BARRIER();
  if (lane == 0) {
    weights[warp] = mine.weight;
    counts[warp] = mine.count;
  }
  BARRIER();
  Tally all;
  all.weight = 0;
  all.count = 0;
  for (int i = 0; i < warps; i++) {
    all.weight += weights[i];
    all.count += counts[i];
  }
  return all;
}

// Whether so many tokens reach what is looked for: a number of them, a weight, or more than a weight.
FUNCTION bool pick_reaches(Tally all, int number, float weight, bool beyond) {
  return number > 0 ? all.count >= number : beyond ? all.weight > weight : all.weight >= weight;
}

// Eight neighbours from i on, -inf past the end.
template <typename T>
FUNCTION void pick_load(const DEVICE T* row, int i, int n, LOCAL float* v) {
  if (n % 8 == 0) {
    load8(row + i, v);
  } else {
    for (int j = 0; j < 8; j++) {
      v[j] = i + j < n ? to_float(row[i + j]) : as_float(0xff800000u);
    }
  }
}

FUNCTION float pick_above(float x) {
  float size = x < 0 ? -x : x;
  if (size < 1.1754944e-38f) {
    return 1.1754944e-38f;
  }
  return as_float(x > 0 ? as_uint(x) + 1 : as_uint(x) - 1);
}
)
GPU_BODY(
  const int n = params[0];
  const DEVICE Value* row = x + long(GROUP_X) * n;
  const DEVICE int* mine = filters + 5 * GROUP_X;
  const float inverse = as_float(uint(mine[0]));
  const float minimum = as_float(uint(mine[3]));
  SHARED float weights[WARPS];
  SHARED int counts[WARPS];
  SHARED float values[LIST];
  SHARED int ids[LIST];
  SHARED float sums[LIST];
  SHARED int starts[LIST];

  const float largest = 3.0e38f;
  const float none = as_float(0xff800000u);
  float best = none;
  float least = largest;
  int at = 0;
  for (int i = 8 * THREAD; i < n; i += 8 * LIST) {
    float v[8];
    pick_load(row, i, n, v);
    UNROLL
    for (int j = 0; j < 8; j++) {
      pick_larger(best, at, v[j], i + j);
      least = v[j] > -largest && v[j] < least ? v[j] : least;
    }
  }
  UNROLL
  for (int mask = 16; mask > 0; mask /= 2) {
    pick_larger(best, at, shuffle_xor(best, mask), shuffle_xor(at, mask));
    float other = shuffle_xor(least, mask);
    least = other < least ? other : least;
  }
  if (LANE == 0) {
    weights[WARP] = best;
    counts[WARP] = at;
    sums[WARP] = least;
  }
  BARRIER();
  for (int i = 0; i < WARPS; i++) {
    pick_larger(best, at, weights[i], counts[i]);
    least = sums[i] < least ? sums[i] : least;
  }
  if (!(inverse > 0) || !(best < largest) || !(best > -largest)) {
    if (THREAD == 0) {
      out[GROUP_X] = at;
    }
    return;
  }

  // All that weigh anything, those of them that min_p lets stand, and those that nearly always are enough.
  const float guess = best - 7.0f / inverse;
  Tally all;
  all.weight = 0;
  all.count = 0;
  Tally likely = all;
  Tally guessed = all;
  for (int i = 8 * THREAD; i < n; i += 8 * LIST) {
    float v[8];
    pick_load(row, i, n, v);
    UNROLL
    for (int j = 0; j < 8; j++) {
      float weight = pick_weight(v[j], best, inverse);
      all.weight += weight;
      all.count += weight > 0 ? 1 : 0;
      likely.weight += weight >= minimum ? weight : 0.0f;
      guessed.weight += v[j] >= guess ? weight : 0.0f;
      guessed.count += v[j] >= guess && weight > 0 ? 1 : 0;
    }
  }
  const int own_guessed = guessed.count;
  all = pick_total(all, LANE, WARP, WARPS, weights, counts);
  likely = pick_total(likely, LANE, WARP, WARPS, weights, counts);
  guessed = pick_total(guessed, LANE, WARP, WARPS, weights, counts);

  float kept = all.weight;
  float last_value = none;
  int last_id = n;
  // The sorted list stands for the first `listed.count` tokens of the row while it is whole.
  Tally listed;
  listed.weight = 0;
  listed.count = 0;
  bool whole = false;
  // Three places: where top_k ends, where top_p ends, and the token.
  for (int goal = 0; goal < 3; goal++) {
    int number = 0;
    float weight = 0;
    if (goal == 0) {
      number = mine[1];
      if (number == 0 || number >= all.count) {
        continue;
      }
    } else if (goal == 1) {
      float share = as_float(uint(mine[2]));
      weight = share * kept;
      if (likely.weight < kept && (share >= 1 || likely.weight <= weight)) {
        kept = likely.weight;
        continue;
      }
      if (share >= 1) {
        continue;
      }
    } else {
      // Less than all there is, whatever it rounds to.
      kept = kept < all.weight ? kept : all.weight;
      weight = as_float(uint(mine[4])) * kept;
      weight = weight < kept ? weight : as_float(as_uint(kept) - 1);
    }
    bool beyond = goal == 2;

    Tally above;
    above.weight = 0;
    above.count = 0;
    if (!(whole && pick_reaches(listed, number, weight, beyond))) {
      // What is looked for lies in [low, high): the tokens from `low` on reach it, or are all; those from `high` do not.
      float low = best - 88.0f / inverse;
      low = low > least ? low : least;
      float high = pick_above(best);
      int in_all = all.count;
      bool by_guess = false;
      if (guess > low && guess < high) {
        if (pick_reaches(guessed, number, weight, beyond)) {
          low = guess;
          in_all = guessed.count;
          by_guess = true;
        } else {
          high = guess;
          above = guessed;
        }
      }
      float middle = 0.5f * low + 0.5f * high;
      while (in_all - above.count > LIST && middle > low && middle < high) {
        Tally some;
        some.weight = 0;
        some.count = 0;
        by_guess = false;
        for (int i = 8 * THREAD; i < n; i += 8 * LIST) {
          float v[8];
          pick_load(row, i, n, v);
          UNROLL
          for (int j = 0; j < 8; j++) {
            float w = v[j] >= middle ? pick_weight(v[j], best, inverse) : 0.0f;
            some.weight += w;
            some.count += w > 0 ? 1 : 0;
          }
        }
        some = pick_total(some, LANE, WARP, WARPS, weights, counts);
        if (pick_reaches(some, number, weight, beyond)) {
          low = middle;
          in_all = some.count;
        } else {
          high = middle;
          above = some;
        }
        middle = 0.5f * low + 0.5f * high;
      }
      int size = in_all - above.count;

      if (size > LIST) {
        // Equals, in the order of their ids: the r-th of them is looked for.
        float w = pick_weight(low, best, inverse);
        float steps = (weight - above.weight) / w;
        int r = number > 0 ? number - above.count : int(steps) + (beyond || steps > float(int(steps)) ? 1 : 0);
        r = r < 1 ? 1 : r > size ? size : r;
        int from = -1;
        int to = n - 1;
        while (to - from > 1) {
          int half = from + (to - from) / 2;
          Tally equal;
          equal.weight = 0;
          equal.count = 0;
          for (int i = 8 * THREAD; i <= half; i += 8 * LIST) {
            float v[8];
            pick_load(row, i, n, v);
            UNROLL
            for (int j = 0; j < 8; j++) {
              equal.count += v[j] == low && i + j <= half ? 1 : 0;
            }
          }
          equal = pick_total(equal, LANE, WARP, WARPS, weights, counts);
          if (equal.count >= r) {
            to = half;
          } else {
            from = half;
          }
        }
        kept = above.weight + float(r) * w;
        bool later = low < last_value || (low == last_value && to > last_id);
        last_value = later ? last_value : low;
        last_id = later ? last_id : to;
        continue;
      }

      // The list, each thread's own ones after those of the threads before it.
      int own = own_guessed;
      if (!by_guess) {
        own = 0;
        for (int i = 8 * THREAD; i < n; i += 8 * LIST) {
          float v[8];
          pick_load(row, i, n, v);
          UNROLL
          for (int j = 0; j < 8; j++) {
            own += v[j] >= low && v[j] < high && pick_weight(v[j], best, inverse) > 0 ? 1 : 0;
          }
        }
      }
      BARRIER();
      starts[THREAD] = own;
      values[THREAD] = none;
      ids[THREAD] = n + THREAD;
      for (int step = 1; step < LIST; step *= 2) {
        BARRIER();
        int before = THREAD >= step ? starts[THREAD - step] : 0;
        BARRIER();
        starts[THREAD] += before;
      }
      BARRIER();
      int place = starts[THREAD] - own;
      const int end = place + own;
      for (int i = 8 * THREAD; i < n && place < end; i += 8 * LIST) {
        float v[8];
        pick_load(row, i, n, v);
        UNROLL
        for (int j = 0; j < 8; j++) {
          if (v[j] >= low && v[j] < high && pick_weight(v[j], best, inverse) > 0) {
            values[place] = v[j];
            ids[place] = i + j;
            place++;
          }
        }
      }
      for (int block = 2; block <= LIST; block *= 2) {
        for (int step = block / 2; step > 0; step /= 2) {
          BARRIER();
          int other = THREAD ^ step;
          bool first_half = other > THREAD;
          float a = values[THREAD];
          float b = values[other];
          int i = ids[THREAD];
          int j = ids[other];
          BARRIER();
          bool swap = (a < b || (a == b && i > j)) == ((THREAD & block) == 0);
          if (first_half && swap) {
            values[THREAD] = b;
            values[other] = a;
            ids[THREAD] = j;
            ids[other] = i;
          }
        }
      }
      BARRIER();
      sums[THREAD] = THREAD < size ? pick_weight(values[THREAD], best, inverse) : 0.0f;
      for (int step = 1; step < LIST; step *= 2) {
        BARRIER();
        float before = THREAD >= step ? sums[THREAD - step] : 0.0f;
        BARRIER();
        sums[THREAD] += before;
      }
      BARRIER();
      whole = above.count == 0;
      listed.count = size;
      listed.weight = sums[size - 1];
    }

    // The first that reaches it, is the last that is kept, or has none after it.
    bool stop = false;
    if (THREAD < listed.count) {
      Tally here;
      here.weight = above.weight + sums[THREAD];
      here.count = above.count + THREAD + 1;
      stop = THREAD == listed.count - 1 || pick_reaches(here, number, weight, beyond) || values[THREAD] < last_value ||
             (values[THREAD] == last_value && ids[THREAD] >= last_id) ||
             (beyond && pick_weight(values[THREAD + 1], best, inverse) < minimum);
    }
    int place = stop ? THREAD : LIST;
    UNROLL
    for (int mask = 16; mask > 0; mask /= 2) {
      int other = shuffle_xor(place, mask);
      place = other < place ? other : place;
    }
    BARRIER();
    if (LANE == 0) {
      counts[WARP] = place;
    }
    BARRIER();
    for (int i = 0; i < WARPS; i++) {
      place = counts[i] < place ? counts[i] : place;
    }
    kept = above.weight + sums[place];
    bool later = values[place] < last_value || (values[place] == last_value && ids[place] > last_id);
    last_id = later ? last_id : ids[place];
    last_value = later ? last_value : values[place];
  }
  if (THREAD == 0) {
    out[GROUP_X] = last_id;
  }
)
