// Functions that all kernels share, over either prelude.
GPU_TEXT(
// 2 and 8 neighbours as float32. Eight of a 16-bit type must begin at 16 bytes.
template <typename T>
FUNCTION void load2(const DEVICE T* p, LOCAL float* v) {
  uint w[1];
  load_words(p, w);
  unpack(T(), w[0], v[0], v[1]);
}
FUNCTION void load2(const DEVICE float* p, LOCAL float* v) {
  v[0] = p[0];
  v[1] = p[1];
}
template <typename T>
FUNCTION void load8(const DEVICE T* p, LOCAL float* v) {
  uint w[4];
  load_words(p, w);
  UNROLL
  for (int i = 0; i < 4; i++) {
    unpack(T(), w[i], v[2 * i], v[2 * i + 1]);
  }
}
FUNCTION void load8(const DEVICE float* p, LOCAL float* v) {
  uint w[4];
  UNROLL
  for (int half = 0; half < 2; half++) {
    load_words(p + 4 * half, w);
    UNROLL
    for (int i = 0; i < 4; i++) {
      v[4 * half + i] = as_float(w[i]);
    }
  }
}
template <int COUNT, typename T>
FUNCTION void load_values(const DEVICE T* p, LOCAL float* v) {
  if (COUNT % 8 == 0) {
    UNROLL
    for (int i = 0; i < COUNT; i += 8) {
      load8(p + i, v + i);
    }
  } else {
    UNROLL
    for (int i = 0; i < COUNT; i += 2) {
      load2(p + i, v + i);
    }
  }
}

// Over LANES neighbouring lanes, a power of two; every one of them gets the result.
template <int LANES>
FUNCTION float sum_over(float x) {
  UNROLL
  for (int mask = LANES / 2; mask > 0; mask /= 2) {
    x += shuffle_xor(x, mask);
  }
  return x;
}

// The positions that a row sees: `extra` sinks from 0 on, then those from `begin` to its own. Numbered through.
struct Seen {
  int begin;
  int extra;
  int total;
};
FUNCTION Seen seen_by(int position, int first, int sinks, int window) {
  Seen seen;
  seen.begin = window > 0 && position >= window ? position - window + 1 : 0;
  seen.begin = first > seen.begin ? first : seen.begin;
  seen.begin = seen.begin > position ? position + 1 : seen.begin;
  seen.extra = sinks < seen.begin ? sinks : seen.begin;
  seen.total = seen.extra + position + 1 - seen.begin;
  return seen;
}
FUNCTION int seen_position(Seen seen, int number) {
  return number < seen.extra ? number : number - seen.extra + seen.begin;
}

// Keys that one group of threads takes: of a row's own count alone, so that its sums are the same in any batch.
FUNCTION int split_size(int keys) {
  int size = keys <= 256 ? 256 : 128;
  while (size * 32 < keys) {
    size *= 2;
  }
  return size;
}
)
