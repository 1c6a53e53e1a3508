// Attention of a few queries over pages. Included by each kernels_*.cpp, see kernel_basics.h.
//
// Every sum has one order whatever is computed beside it: a product of query and key adds along head_dim, a weighted sum
// of values adds along the positions, each in one chain. So a tile of any size gives each query the same bits.
//
// `ahead` asks memory for the place in the next block that is at the same distance from its start: a block ends before
// the processor has seen where the reading goes, and blocks lie apart. With 8 bits, reading from memory went from 6.0
// to 8.5 GB/s a core, of the 12 that plain reading reached.

// ---- keys: at(d, c, d is odd) gives elements d of V::width keys ------------------------------------------------------------

// Vectors of keys that are multiplied at a time.
constexpr int kKeyVectors = 4;

constexpr int kLine = 64;

struct FloatKeys {
  const float* base;
  VLLMD_INLINE FloatKeys(const BlockLayout&, const void* block, int first)
      : base(static_cast<const float*>(block) + first) {}
  VLLMD_INLINE void begin(int, const char*) {}
  VLLMD_INLINE void ahead(const char* next, int d, int first) const {
    for (int i = 0; i < kKeyVectors * V::width; i += kLine / 4) {
      ask_for(next + sizeof(float) * (d * kPage + first + i));
    }
  }
  VLLMD_INLINE F at(int d, int c, bool) const { return V::load(base + static_cast<size_t>(d) * kPage + c * V::width); }
};

struct ScaledKeys {
  const uint8_t* codes;
  const uint16_t *scales, *biases;
  size_t to_scales, to_biases;
  F scale[kKeyVectors], bias[kKeyVectors];
  VLLMD_INLINE ScaledKeys(const BlockLayout& layout, const void* block, int first) {
    for (int c = 0; c < kKeyVectors; c++) {
      scale[c] = bias[c] = V::zero();
    }
    auto* bytes = static_cast<const uint8_t*>(block);
    codes = bytes + first;
    scales = reinterpret_cast<const uint16_t*>(bytes + layout.value_bytes()) + first;
    biases = scales + layout.groups() * kPage;
    to_scales = layout.value_bytes() + first * sizeof(uint16_t);
    to_biases = to_scales + layout.scale_bytes();
  }
  VLLMD_INLINE void begin(int group, const char* next) {
    for (int i = 0; i < kKeyVectors * V::width; i += kLine / 2) {
      ask_for(next + to_scales + sizeof(uint16_t) * (group * kPage + i));
      ask_for(next + to_biases + sizeof(uint16_t) * (group * kPage + i));
    }
#pragma GCC unroll 4
    for (int c = 0; c < kKeyVectors; c++) {
      scale[c] = V::load_f16(scales + group * kPage + c * V::width);
      bias[c] = V::load_f16(biases + group * kPage + c * V::width);
    }
  }
};

struct ByteKeys : ScaledKeys {
  using ScaledKeys::ScaledKeys;
  VLLMD_INLINE void ahead(const char* next, int d, int first) const {
    if (first == 0) {
      ask_for(next + d * kPage);
    }
  }
  VLLMD_INLINE F at(int d, int c, bool) const {
    return V::fma(V::load_u8(codes + d * kPage + c * V::width), scale[c], bias[c]);
  }
};

struct NibbleKeys : ScaledKeys {
  using ScaledKeys::ScaledKeys;
  VLLMD_INLINE void ahead(const char* next, int d, int first) const {
    if (first == 0 && d % 2 == 0) {
      ask_for(next + d / 2 * kPage);
    }
  }
  VLLMD_INLINE F at(int d, int c, bool odd) const {
    const uint8_t* pairs = codes + d / 2 * kPage + c * V::width;
    return V::fma(odd ? V::load_high_nibbles(pairs) : V::load_low_nibbles(pairs), scale[c], bias[c]);
  }
};

// ---- values: at(j, d) gives elements [d, d + V::width) of position j ---------------------------------------------

struct FloatValues {
  const float* base;
  int head_dim;
  VLLMD_INLINE FloatValues(const BlockLayout& layout, const void* block, const float*)
      : base(static_cast<const float*>(block)), head_dim(layout.head_dim) {}
  VLLMD_INLINE void ahead(const char* next, int j, int d) const {
    ask_for(next + sizeof(float) * (static_cast<size_t>(j) * head_dim + d));
  }
  VLLMD_INLINE F at(int j, int d) const { return V::load(base + static_cast<size_t>(j) * head_dim + d); }
};

// Scales and biases come as floats [64, head_dim/32] each: one conversion serves all queries.
struct ScaledValues {
  const uint8_t* codes;
  const float *scales, *biases;
  int head_dim, groups;
  VLLMD_INLINE ScaledValues(const BlockLayout& layout, const void* block, const float* wide)
      : codes(static_cast<const uint8_t*>(block)),
        scales(wide),
        biases(wide + kPage * layout.groups()),
        head_dim(layout.head_dim),
        groups(layout.groups()) {}
};

struct ByteValues : ScaledValues {
  using ScaledValues::ScaledValues;
  VLLMD_INLINE void ahead(const char* next, int j, int d) const {
    if (d % kLine == 0) {
      ask_for(next + j * head_dim + d);
    }
  }
  VLLMD_INLINE F at(int j, int d) const {
    int group = j * groups + d / kPageGroup;
    return V::fma(V::load_u8(codes + j * head_dim + d), V::set(scales[group]), V::set(biases[group]));
  }
};

struct NibbleValues : ScaledValues {
  using ScaledValues::ScaledValues;
  VLLMD_INLINE void ahead(const char* next, int j, int d) const {
    if (d % kLine == 0) {
      ask_for(next + (j * head_dim + d) / 2);
    }
  }
  VLLMD_INLINE F at(int j, int d) const {
    int group = j * groups + d / kPageGroup;
    return V::Nibbles(scales[group], biases[group]).at(codes + (j * head_dim + d) / 2);
  }
};

// ---- one tile ----------------------------------------------------------------------------------------------------

// out [R, kSplit] at 64 positions = queries · keys of one block.
template <class Keys, int R>
void scores(const AttentionTile& t, const float* queries, const void* block, const char* next, float* out) {
  static_assert(kPage % (kKeyVectors * V::width) == 0);
  const int head_dim = t.layout.head_dim;
  for (int first = 0; first < kPage; first += kKeyVectors * V::width) {
    Keys keys(t.layout, block, first);
    F acc[R][kKeyVectors];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
      for (int c = 0; c < kKeyVectors; c++) {
        acc[r][c] = V::zero();
      }
    }
    auto add = [&](int d, bool odd) __attribute__((always_inline)) {
      keys.ahead(next, d, first);
      F k[kKeyVectors];
#pragma GCC unroll 4
      for (int c = 0; c < kKeyVectors; c++) {
        k[c] = keys.at(d, c, odd);
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) {
        F q = V::set(queries[static_cast<size_t>(r) * head_dim + d]);
#pragma GCC unroll 4
        for (int c = 0; c < kKeyVectors; c++) {
          acc[r][c] = V::fma(q, k[c], acc[r][c]);
        }
      }
    };
    for (int d0 = 0; d0 < head_dim; d0 += kPageGroup) {
      keys.begin(d0 / kPageGroup, next);
      int end = smaller(head_dim, d0 + kPageGroup), d = d0;
      for (; d + 2 <= end; d += 2) {
        add(d, false);
        add(d + 1, true);
      }
      if (d < end) {
        add(d, false);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
      for (int c = 0; c < kKeyVectors; c++) {
        V::store(out + r * kSplit + first + c * V::width, acc[r][c]);
      }
    }
  }
}

// sums [R] += Σ p[j] · values[j] over positions [from, to) of the split, for C vectors of each value from d on.
template <class Values, int R, int C>
VLLMD_INLINE void weigh_vectors(const AttentionTile& t, const float* p, int from, int to, int d, float* sums,
                                size_t stride, const float* wide) {
  F acc[R][C];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
    for (int c = 0; c < C; c++) {
      acc[r][c] = V::load(sums + r * stride + d + c * V::width);
    }
  }
  for (int page = from / kPage; page * kPage < to; page++) {
    Values values(t.layout, t.values[page], wide + static_cast<size_t>(page) * 2 * kPage * t.layout.groups());
    const float* weights = p + page * kPage;
    const char* next = t.after_values[page];
    int end = smaller(kPage, to - page * kPage);
    for (int j = from > page * kPage ? from - page * kPage : 0; j < end; j++) {
      F v[C];
#pragma GCC unroll 4
      for (int c = 0; c < C; c++) {
        values.ahead(next, j, d + c * V::width);
        v[c] = values.at(j, d + c * V::width);
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) {
        F w = V::set(weights[r * kSplit + j]);
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) {
          acc[r][c] = V::fma(w, v[c], acc[r][c]);
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
    for (int c = 0; c < C; c++) {
      V::store(sums + r * stride + d + c * V::width, acc[r][c]);
    }
  }
}

template <class Values, int R>
void weigh(const AttentionTile& t, const float* p, int from, int to, float* sums, size_t stride, const float* wide) {
  const int head_dim = t.layout.head_dim;
  int d = 0;
  for (; d + 4 * V::width <= head_dim; d += 4 * V::width) {
    weigh_vectors<Values, R, 4>(t, p, from, to, d, sums, stride, wide);
  }
  for (; d + V::width <= head_dim; d += V::width) {
    weigh_vectors<Values, R, 1>(t, p, from, to, d, sums, stride, wide);
  }
  // Only float32 values have such a rest.
  for (; d < head_dim; d++) {
    for (int r = 0; r < R; r++) {
      float sum = sums[r * stride + d];
      for (int j = from; j < to; j++) {
        auto* values = static_cast<const float*>(t.values[j / kPage]);
        sum += p[r * kSplit + j] * values[static_cast<size_t>(j % kPage) * head_dim + d];
      }
      sums[r * stride + d] = sum;
    }
  }
}

// Functions of one layout for tiles of 1, 2, … queries.
struct TileFunctions {
  void (*scores[V::tile_rows])(const AttentionTile&, const float*, const void*, const char*, float*);
  void (*weigh[V::tile_rows])(const AttentionTile&, const float*, int, int, float*, size_t, const float*);
};

template <class Keys, class Values, int R>
constexpr void take_functions(TileFunctions& f) {
  f.scores[R - 1] = scores<Keys, R>;
  f.weigh[R - 1] = weigh<Values, R>;
  if constexpr (R > 1) {
    take_functions<Keys, Values, R - 1>(f);
  }
}

template <class Keys, class Values>
constexpr TileFunctions tile_functions() {
  TileFunctions f{};
  take_functions<Keys, Values, V::tile_rows>(f);
  return f;
}

constexpr TileFunctions kFloatTiles = tile_functions<FloatKeys, FloatValues>();
constexpr TileFunctions kByteTiles = tile_functions<ByteKeys, ByteValues>();
constexpr TileFunctions kNibbleTiles = tile_functions<NibbleKeys, NibbleValues>();

// Scores of one query become weights: 0 where it does not see. Fills in the partial's maximum and sum.
VLLMD_INLINE void soften(const AttentionTile& t, int r, float* p, float* partial) {
  const float nothing = -__builtin_inff();
  int sinks = t.sinks, begin = t.begin[r], end = t.end[r];
  if (sinks >= begin) {
    begin = sinks = 0;
  }
  F largest = V::set(nothing);
  for (int page = 0; page < kSplitPages; page++) {
    if (t.keys[page] == nullptr) {
      continue;
    }
    int first = page * kPage;
    if (begin > first || end < first + kPage) {
      for (int j = first; j < first + kPage; j++) {
        if (j >= end || (j < begin && j >= sinks)) {
          p[j] = nothing;
        }
      }
    }
    for (int j = first; j < first + kPage; j += V::width) {
      largest = V::max(V::load(p + j), largest);
    }
  }
  float maximum = V::maximum(largest);
  F shift = V::set(maximum), total = V::zero();
  for (int page = 0; page < kSplitPages; page++) {
    if (t.keys[page] == nullptr) {
      continue;
    }
    for (int j = page * kPage; j < (page + 1) * kPage; j += V::width) {
      F e = exponential(V::sub(V::load(p + j), shift));
      V::store(p + j, e);
      total = V::add(total, e);
    }
  }
  partial[0] = maximum;
  partial[1] = V::sum(total);
}

size_t tile_scratch(const BlockLayout& layout, int count) {
  return static_cast<size_t>(count) * kSplit + static_cast<size_t>(kSplitPages) * 2 * kPage * layout.groups();
}

void attend_tile(const AttentionTile& t) {
  const TileFunctions& f = t.layout.bits == 0 ? kFloatTiles : t.layout.bits == 8 ? kByteTiles : kNibbleTiles;
  const size_t stride = kPartialHeader + static_cast<size_t>(t.layout.head_dim);
  float *p = t.scratch, *wide = p + static_cast<size_t>(t.count) * kSplit;
  int groups = t.layout.groups();
  for (int page = 0; page < kSplitPages; page++) {
    if (t.keys[page] == nullptr) {
      continue;
    }
    if (groups > 0) {
      auto* scales = static_cast<const char*>(t.values[page]) + t.layout.value_bytes();
      for (size_t i = 0; i < 2 * t.layout.scale_bytes(); i += kLine) {
        ask_for(scales + i);
      }
    }
    f.scores[t.count - 1](t, t.queries, t.keys[page], t.after_keys[page], p + page * kPage);
    if (groups > 0) {
      auto* scales = static_cast<const uint8_t*>(t.values[page]) + t.layout.value_bytes();
      to_floats<Real::f16>(scales, 2 * kPage * groups, wide + static_cast<size_t>(page) * 2 * kPage * groups);
    }
  }
  for (int r = 0; r < t.count; r++) {
    float* partial = t.partials + r * stride;
    soften(t, r, p + r * kSplit, partial);
    for (int d = 0; d < t.layout.head_dim; d++) {
      partial[kPartialHeader + d] = 0;
    }
  }
  // Positions that the same queries see are summed together. Both ends ascend with the queries, so these are neighbours:
  // [low, high). Nothing else is read: a position that was never written may hold NaN, which no weight of 0 undoes.
  float* sums = t.partials + kPartialHeader;
  auto add = [&](int low, int high, int from, int to) {
    if (low < high && from < to) {
      f.weigh[high - low - 1](t, p + low * kSplit, from, to, sums + low * stride, stride, wide);
    }
  };
  int far = 0;  // queries before it see the sinks as part of all the rest
  while (far < t.count && t.begin[far] <= t.sinks) {
    far++;
  }
  add(far, t.count, 0, t.sinks);
  auto begin = [&](int r) { return r < far ? 0 : t.begin[r]; };
  int low = 0, high = 0, at = begin(0);
  while (low < t.count) {
    while (high < t.count && begin(high) <= at) {
      high++;
    }
    int next = t.end[low];
    if (high < t.count && (high == low || begin(high) < next)) {
      next = begin(high);
    }
    add(low, high, at, next);
    at = next > at ? next : at;
    while (low < t.count && t.end[low] <= at) {
      low++;
    }
    high = high > low ? high : low;
  }
}
