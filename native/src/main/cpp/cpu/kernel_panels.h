// y = x · Wᵀ of a quantised weight that lies in panels (see panels.h). Included by each kernels_*.cpp, see
// kernel_basics.h.
//
// The lanes of a vector are a panel's 16 outputs, so a product needs one number of x at a time, spread over the lanes,
// and no sum across lanes. Of each group of x, Σ q·x comes first: in `Exact` as float32, one accumulator per output fed
// in ascending k; in `Fast` as integers of 32 bits, exact in any order. Then y += scale · (Σ q·x) + bias · (Σ x), group
// by group. So all heights and widths of tiles give the same bits, and a row's result never depends on its neighbours.

constexpr int kVectors = kPanel / V::width;  // of one panel
constexpr int kPrefetch = 4096;  // bytes ahead, into the second cache: a stream then reads as fast as memory gives

VLLMD_INLINE void ask_early(const void* p) { __builtin_prefetch(p, 0, 2); }

// How the products of one group are made. Value: what x is read in; Sum: what they are added up in.
struct Exact {
  using Value = float;
  using Sum = F;
  static constexpr bool integers = false;
  template <int Bits>
  static constexpr int steps = 32 / Bits;  // of a word of weights
  static constexpr int chains = 1;
  VLLMD_INLINE static Sum zero() { return V::zero(); }
  VLLMD_INLINE static Sum add(Sum a, Sum b) { return V::add(a, b); }
  VLLMD_INLINE static F spread(float x) { return V::set(x); }
  template <int Bits>
  VLLMD_INLINE static F weights(V::Words words, int step) {
    return V::template digit<Bits>(words, step);
  }
  VLLMD_INLINE static Sum multiply(F w, F x, Sum sum) { return V::fma(x, w, sum); }
  VLLMD_INLINE static F result(Sum sum, float) { return sum; }
};

struct Fast {
  using Value = int32_t;  // two integers of 16 bits
  using Sum = V::Words;
  static constexpr bool integers = true;
  template <int Bits>
  static constexpr int steps = 16 / Bits;
  static constexpr int chains = 2;  // an even divisor of steps; products wait long for the sum before them
  VLLMD_INLINE static Sum zero() { return V::set_words(0); }
  VLLMD_INLINE static Sum add(Sum a, Sum b) { return V::add_words(a, b); }
  VLLMD_INLINE static V::Words spread(int32_t x) { return V::set_words(x); }
  template <int Bits>
  VLLMD_INLINE static V::Words weights(V::Words words, int step) {
    return V::template pair<Bits>(words, step);
  }
  VLLMD_INLINE static Sum multiply(V::Words w, V::Words x, Sum sum) { return V::dot(sum, w, x); }
  VLLMD_INLINE static F result(Sum sum, float scale) { return V::mul(V::to_float(sum), V::set(scale)); }
};

// What the C panels of a tile have in common, at one group.
template <int C>
struct PanelGroup {
  const uint8_t* values[C];
  const uint8_t* early[C];  // what to ask memory for meanwhile
  const uint8_t* scales[C];  // [kPanel] of `real`
  const uint8_t* biases[C];
  Real real;
};

VLLMD_INLINE F load_real(const uint8_t* from, Real real, int i) {
  switch (real) {
    case Real::f32: return V::load(reinterpret_cast<const float*>(from) + i);
    case Real::f16: return V::load_f16(reinterpret_cast<const uint16_t*>(from) + i);
    case Real::bf16: return V::load_bf16(reinterpret_cast<const uint16_t*>(from) + i);
  }
  __builtin_unreachable();
}

// acc [R, C · kPanel] += the products of one group; the values of a step lie side by side, steps `stride` apart.
template <class M, int Bits, int R, int C>
__attribute__((noinline)) void panel_tile(const PanelGroup<C>& at, const typename M::Value* x, int stride, const float* row_scales,
                       const float* row_sums, int group, float* acc) {
  constexpr int steps = M::template steps<Bits>;
  constexpr int chains = R * C * kVectors >= 8 ? 1 : M::chains;
  typename M::Sum sums[chains][R][C][kVectors];
#pragma GCC unroll 2
  for (int h = 0; h < chains; h++) {
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
      for (int c = 0; c < C; c++) {
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; v++) {
          sums[h][r][c][v] = M::zero();
        }
      }
    }
  }
  const int bytes = group * kPanel * Bits / 8;
  for (int o = 0; o < bytes; o += 4 * kPanel) {
    typename V::Words words[C][kVectors];
#pragma GCC unroll 4
    for (int c = 0; c < C; c++) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; v++) {
        words[c][v] = V::load_words(at.values[c] + o + 4 * V::width * v);
      }
      ask_early(at.early[c] + o);
    }
#pragma GCC unroll 8
    for (int step = 0; step < steps; step++) {
      decltype(M::template weights<Bits>(words[0][0], 0)) w[C][kVectors];
#pragma GCC unroll 4
      for (int c = 0; c < C; c++) {
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; v++) {
          w[c][v] = M::template weights<Bits>(words[c][v], step);
        }
      }
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) {
        auto value = M::spread(x[r]);
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) {
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; v++) {
            auto& sum = sums[step % chains][r][c][v];
            sum = M::multiply(w[c][v], value, sum);
          }
        }
      }
      x += stride;
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < C; c++) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; v++) {
      F scale = load_real(at.scales[c], at.real, v * V::width), bias = load_real(at.biases[c], at.real, v * V::width);
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) {
        auto sum = sums[0][r][c][v];
#pragma GCC unroll 2
        for (int h = 1; h < chains; h++) {
          sum = M::add(sum, sums[h][r][c][v]);
        }
        float* y = acc + (r * C + c) * kPanel + v * V::width;
        F total = V::fma(M::result(sum, row_scales[r]), scale, V::load(y));
        V::store(y, V::fma(V::set(row_sums[r]), bias, total));
      }
    }
  }
}

// Tiles of C panels are at most this high: their sums have to stay in registers.
template <int C>
constexpr int kTallest = V::panel_sums / (C * kVectors) < 12 ? V::panel_sums / (C * kVectors) : 12;

template <class M, int Bits, int R, int C>
inline void panel_tile_of(int rows, const PanelGroup<C>& at, const typename M::Value* x, int stride,
                          const float* row_scales, const float* row_sums, int group, float* acc) {
  if constexpr (R > 1) {
    if (rows < R) {
      return panel_tile_of<M, Bits, R - 1, C>(rows, at, x, stride, row_scales, row_sums, group, acc);
    }
  }
  panel_tile<M, Bits, R, C>(at, x, stride, row_scales, row_sums, group, acc);
}

VLLMD_INLINE void put_panel(const PanelJob& job, int m, int n, const float* acc) {
  size_t at = static_cast<size_t>(m) * job.w.n + n;
  float bias[kPanel];
  if (job.bias != nullptr) {
    to_floats(job.bias, job.bias_real, n, kPanel, bias);
  }
  for (int v = 0; v < kPanel; v += V::width) {
    F y = V::load(acc + v);
    if (job.bias != nullptr) {
      y = V::add(y, V::load(bias + v));
    }
    if (job.residual != nullptr) {
      y = V::add(y, V::load(job.residual + at + v));
    }
    V::store(job.y + at + v, y);
  }
}

// Of the outputs' panel `panel`: in the weight, where gates come first and as many ups behind them, there are two.
VLLMD_INLINE void put_gated(const PanelJob& job, int m, int n, const float* gate, const float* up) {
  int half = job.w.n / 2;
  float *y = job.y + static_cast<size_t>(m) * half + n, biased[2][kPanel];
  if (job.bias != nullptr) {
    to_floats(job.bias, job.bias_real, n, kPanel, biased[0]);
    to_floats(job.bias, job.bias_real, half + n, kPanel, biased[1]);
  }
  for (int v = 0; v < kPanel; v += V::width) {
    F a = V::load(gate + v), b = V::load(up + v);
    if (job.bias != nullptr) {
      a = V::add(a, V::load(biased[0] + v));
      b = V::add(b, V::load(biased[1] + v));
    }
    V::store(y + v, silu_times(a, b));
  }
}

// C panels of the weight, the first at `first`, each following `apart` behind the one before.
template <class M, int Bits, int C>
inline void panel_columns(const PanelJob& job, int m0, int m1, const int (&panels)[C], int next, float* scratch) {
  const WeightView& w = job.w;
  const int groups = w.k / w.group, steps = w.group / (M::integers ? 2 : 1);
  const size_t length = static_cast<size_t>(w.k) * kPanel * Bits / 8, group_bytes = length / groups;
  const size_t scale_bytes = static_cast<size_t>(kPanel) * real_bytes(w.real);  // of a group
  auto *scales = static_cast<const uint8_t*>(w.scales), *biases = static_cast<const uint8_t*>(w.biases);
  float* acc = scratch;
  for (int m = m0; m < m1; m += kPanelRows) {
    int rows = smaller(kPanelRows, m1 - m);
    auto* x = static_cast<const typename M::Value*>(job.x.values) + static_cast<size_t>(m) * groups * steps;
    for (int i = 0; i < rows * C * kPanel; i += V::width) {
      V::store(acc + i, V::zero());
    }
    for (int g = 0; g < groups; g++) {
      PanelGroup<C> at;
      at.real = w.real;
      for (int c = 0; c < C; c++) {
        auto* panel = static_cast<const uint8_t*>(w.values) + panels[c] * length;
        size_t o = g * group_bytes, early = o + kPrefetch;
        at.values[c] = panel + o;
        for (; early >= length; early -= length) {
          panel += next * length;
        }
        at.early[c] = panel + early;
        at.scales[c] = scales + (static_cast<size_t>(panels[c]) * groups + g) * scale_bytes;
        at.biases[c] = biases + (static_cast<size_t>(panels[c]) * groups + g) * scale_bytes;
        ask_early(at.scales[c] + next * groups * scale_bytes);
        ask_early(at.biases[c] + next * groups * scale_bytes);
      }
      int tiles = (rows + kTallest<C> - 1) / kTallest<C>;
      for (int t = 0, r = 0; t < tiles; t++) {
        int height = (rows - r + tiles - t - 1) / (tiles - t);
        size_t row = static_cast<size_t>(m) * groups + static_cast<size_t>(g) * rows + r;
        panel_tile_of<M, Bits, kTallest<C>, C>(height, at, x + static_cast<size_t>(g) * steps * rows + r, rows,
                                               job.x.scales + row, job.x.sums + row, w.group,
                                               acc + static_cast<size_t>(r) * C * kPanel);
        r += height;
      }
    }
    for (int r = 0; r < rows; r++) {
      const float* y = acc + static_cast<size_t>(r) * C * kPanel;
      if (job.swiglu) {
        for (int c = 0; c < C / 2; c++) {
          put_gated(job, m + r, panels[c] * kPanel, y + c * kPanel, y + (C / 2 + c) * kPanel);
        }
      } else {
        for (int c = 0; c < C; c++) {
          put_panel(job, m + r, panels[c] * kPanel, y + c * kPanel);
        }
      }
    }
  }
}

// Panels of the outputs p0 … p1; with swiglu each is a gate's panel and an up's. Few rows do better on wide tiles, which
// give their sums time; many on high ones, which unpack a weight less often.
template <class M, int Bits>
inline void panel_products_of(const PanelJob& job, int m0, int m1, int p0, int p1, float* scratch) {
  int half = job.w.n / 2 / kPanel, rows = m1 - m0, p = p0;
  if (job.swiglu) {
    if constexpr (V::widest >= 4) {
      for (; p + 2 <= p1 && rows <= kTallest<4>; p += 2) {
        panel_columns<M, Bits, 4>(job, m0, m1, {p, p + 1, half + p, half + p + 1}, 2, scratch);
      }
    }
    for (; p < p1; p++) {
      panel_columns<M, Bits, 2>(job, m0, m1, {p, half + p}, 1, scratch);
    }
    return;
  }
  if constexpr (V::widest >= 4) {
    for (; p + 4 <= p1 && rows <= kTallest<4>; p += 4) {
      panel_columns<M, Bits, 4>(job, m0, m1, {p, p + 1, p + 2, p + 3}, 4, scratch);
    }
  }
  for (; p + 2 <= p1 && (V::widest >= 4 || rows <= kTallest<2>); p += 2) {
    panel_columns<M, Bits, 2>(job, m0, m1, {p, p + 1}, 2, scratch);
  }
  for (; p < p1; p++) {
    panel_columns<M, Bits, 1>(job, m0, m1, {p}, 1, scratch);
  }
}

template <class M>
void panel_products(const PanelJob& job, int m0, int m1, int p0, int p1, float* scratch) {
  if (job.w.bits == 8) {
    panel_products_of<M, 8>(job, m0, m1, p0, p1, scratch);
  } else {
    panel_products_of<M, 4>(job, m0, m1, p0, p1, scratch);
  }
}

size_t panel_scratch(const PanelJob& job, int rows) {
  (void)job;
  return static_cast<size_t>(4) * kPanel * smaller(rows, kPanelRows);
}

// ---- rows of x into the order in which the products read them.

VLLMD_INLINE float largest_of(const float* x, int n) {
  F largest = V::zero();
  for (int i = 0; i < n; i += V::width) {
    F a = V::load(x + i);
    largest = V::max(V::max(a, V::sub(V::zero(), a)), largest);
  }
  return V::maximum(largest);
}

// Two values to a word as V::pair has their weights: those that lie 16 bits apart in a panel's words.
template <int Bits>
inline void put_pairs(const int32_t* x, int group, int32_t* out, int stride) {
  constexpr int half = 16 / Bits;
  for (int i = 0; i < group; i += 2 * half) {
    for (int j = 0; j < half; j++, out += stride) {
      *out = static_cast<int32_t>((static_cast<uint32_t>(x[i + j]) & 0xffff) | static_cast<uint32_t>(x[i + half + j]) << 16);
    }
  }
}

template <class M>
void panel_row(const float* x, int m, const PanelJob& job) {
  const int group = job.w.group, groups = job.w.k / group, steps = group / (M::integers ? 2 : 1);
  const int first = m / kPanelRows * kPanelRows, rows = smaller(kPanelRows, job.x.rows - first);
  for (int g = 0; g < groups; g++, x += group) {
    size_t at = static_cast<size_t>(first) * groups + static_cast<size_t>(g) * rows + (m - first);
    auto* out = static_cast<typename M::Value*>(job.x.values) + static_cast<size_t>(first) * groups * steps +
                static_cast<size_t>(g) * steps * rows + (m - first);
    if constexpr (M::integers) {
      // Rounded to 1/32767 of the group's largest.
      float largest = largest_of(x, group), scale = largest / 32767;
      F inverse = V::set(largest > 0 ? 32767 / largest : 0);
      int32_t rounded[128];
      typename V::Words sum = V::set_words(0);
      for (int i = 0; i < group; i += V::width) {
        auto q = V::to_words(V::mul(V::load(x + i), inverse));
        V::store_words(rounded + i, q);
        sum = V::add_words(sum, q);
      }
      if (job.w.bits == 8) {
        put_pairs<8>(rounded, group, out, rows);
      } else {
        put_pairs<4>(rounded, group, out, rows);
      }
      job.x.scales[at] = scale;
      job.x.sums[at] = scale * static_cast<float>(V::sum_words(sum));
    } else {
      F sum = V::zero();
      for (int i = 0; i < group; i += V::width) {
        sum = V::add(sum, V::load(x + i));
      }
      for (int i = 0; i < group; i++, out += rows) {
        *out = x[i];
      }
      job.x.scales[at] = 1;
      job.x.sums[at] = V::sum(sum);
    }
  }
}

// Row `row` of the weight in panels.
void panel_weight_row(const WeightView& w, int row, float* out) {
  int groups = w.k / w.group, per_word = 32 / w.bits;
  auto* words = static_cast<const uint32_t*>(w.values) + static_cast<size_t>(row / kPanel) * (w.k / per_word) * kPanel + row % kPanel;
  for (int g = 0; g < groups; g++) {
    size_t at = (static_cast<size_t>(row / kPanel) * groups + g) * kPanel + row % kPanel;
    float scale, bias;
    to_floats(w.scales, w.real, at, 1, &scale);
    to_floats(w.biases, w.real, at, 1, &bias);
    float* values = out + g * w.group;
    for (int k = 0; k < w.group; k += per_word, words += kPanel) {
      for (int i = 0; i < per_word; i++) {
        values[k + i] = static_cast<float>(*words >> (i * w.bits) & ((1u << w.bits) - 1));
      }
    }
    for (int k = 0; k < w.group; k += V::width) {
      V::store(values + k, V::fma(V::load(values + k), V::set(scale), V::set(bias)));
    }
  }
}
