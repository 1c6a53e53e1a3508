// y = x · Wᵀ. Included by each kernels_*.cpp, see kernel_basics.h.
//
// Whatever the number of rows, y[m, n] is one accumulator of V::width lanes, fed with x[m, k] · w[n, k] in ascending k
// (lane = k mod width), added up once at the end; w is unpacked to float32 first, as scale · q + bias in one fused
// step. So all variants below give the same bits, and a row's result never depends on its neighbours.

constexpr int kTileColumns = 4;
// x that the L1 cache keeps while the columns go by; with more of it, several rows do better on unpacked tiles.
constexpr size_t kDirectFloats = 10 * 1024;
constexpr int kUnpackedK = 512;  // columns of W of one unpacked tile: 4 of its rows stay in the L1 cache

// Runs body(k, count, weights) over k0 … k1, with the next V::width weights of each column; groups and the ragged end of
// dense rows are its business. scales and biases [C, groups of a row] start at the group of k0.
template <class W, int C, class Body>
VLLMD_INLINE void over_k(const WeightView& w, W (&source)[C], const float* scales, const float* biases, int k0, int k1,
                         int ahead, Body&& body) {
  if constexpr (W::quantised) {
    int groups = w.k / w.group;
    for (int k = k0; k < k1;) {
#pragma GCC unroll 8
      for (int c = 0; c < C; c++) {
        source[c].begin(scales[c * groups], biases[c * groups]);
        source[c].ahead(w, k, ahead);
      }
      scales++;
      biases++;
      int end = smaller(k1, k + w.group);
      for (; k < end; k += V::width) {
        F weights[C];
#pragma GCC unroll 8
        for (int c = 0; c < C; c++) {
          weights[c] = source[c].at(k);
        }
        body(k, V::width, weights);
      }
    }
  } else {
    int k = k0;
    for (; k + V::width <= k1; k += V::width) {
      F weights[C];
#pragma GCC unroll 8
      for (int c = 0; c < C; c++) {
        weights[c] = source[c].at(k);
        source[c].ahead(w, k, ahead);
      }
      body(k, V::width, weights);
    }
    if (k < k1) {
      F weights[C];
#pragma GCC unroll 8
      for (int c = 0; c < C; c++) {
        weights[c] = source[c].part(k, k1 - k);
      }
      body(k, k1 - k, weights);
    }
  }
}

VLLMD_INLINE F load_x(const float* x, int count) { return count == V::width ? V::load(x) : load_part(x, count); }

// Adds bias and residual to the sums of row m, columns n … n + C, and stores them.
template <int C>
VLLMD_INLINE void put(const LinearView& job, int m, int n, const float* sums) {
  size_t at = static_cast<size_t>(m) * job.w.n + n;
  float y[C];
  for (int c = 0; c < C; c++) {
    y[c] = sums[c];
  }
  if (job.bias != nullptr) {
    float bias[C];
    for (int c = 0; c < C; c++) {
      to_floats(job.bias, job.bias_real, n + c, 1, bias + c);
    }
    for (int c = 0; c < C; c++) {
      y[c] += bias[c];
    }
  }
  if (job.residual != nullptr) {
    for (int c = 0; c < C; c++) {
      y[c] += job.residual[at + c];
    }
  }
  for (int c = 0; c < C; c++) {
    job.y[at + c] = y[c];
  }
}

// Adds up the accumulators of a tile, four at a time, and stores its outputs.
template <int R, int C>
VLLMD_INLINE void put_tile(const LinearView& job, int m, int n, const F (&acc)[R][C]) {
  constexpr int count = R * C;
  float sums[(count + 3) / 4 * 4];
#pragma GCC unroll 16
  for (int i = 0; i + 4 <= count; i += 4) {
    V::sum4(acc[i / C][i % C], acc[(i + 1) / C][(i + 1) % C], acc[(i + 2) / C][(i + 2) % C], acc[(i + 3) / C][(i + 3) % C],
            sums + i);
  }
#pragma GCC unroll 4
  for (int i = count / 4 * 4; i < count; i++) {
    sums[i] = V::sum(acc[i / C][i % C]);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    put<C>(job, m + r, n, sums + r * C);
  }
}

// ---- few rows: weights are used as they are unpacked.

template <class W, int R, int C>
inline void direct_tile(const LinearView& job, int m, int n, const float* scales, const float* biases) {
  W source[C];
  F acc[R][C];
#pragma GCC unroll 8
  for (int c = 0; c < C; c++) {
    source[c].start(job.w, n + c);
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      acc[r][c] = V::zero();
    }
  }
  const float* x = job.x + static_cast<size_t>(m) * job.w.k;
  const size_t stride = job.w.k;
  over_k(job.w, source, scales, biases, 0, job.w.k, C, [&](int k, int count, const F(&weights)[C]) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      F value = load_x(x + r * stride + k, count);
#pragma GCC unroll 8
      for (int c = 0; c < C; c++) {
        acc[r][c] = V::fma(value, weights[c], acc[r][c]);
      }
    }
  });
  put_tile(job, m, n, acc);
}

template <class W, int R>
inline void direct_columns(const LinearView& job, int m, int n0, int n1, const float* scales, const float* biases) {
  int groups = W::quantised ? job.w.k / job.w.group : 0;
  constexpr int C = R <= 4 && V::width == 16 ? 4 : R <= 1 ? 4 : 2;
  int n = n0;
  for (; n + C <= n1; n += C) {
    direct_tile<W, R, C>(job, m, n, scales + (n - n0) * groups, biases + (n - n0) * groups);
  }
  for (; n < n1; n++) {
    direct_tile<W, R, 1>(job, m, n, scales + (n - n0) * groups, biases + (n - n0) * groups);
  }
}

template <class W>
inline void direct(const LinearView& job, int m, int rows, int n0, int n1, const float* scales, const float* biases) {
  switch (rows) {
    case 1: return direct_columns<W, 1>(job, m, n0, n1, scales, biases);
    case 2: return direct_columns<W, 2>(job, m, n0, n1, scales, biases);
    case 3: return direct_columns<W, 3>(job, m, n0, n1, scales, biases);
    case 4: return direct_columns<W, 4>(job, m, n0, n1, scales, biases);
    default: break;
  }
  if constexpr (V::direct_rows > 4) {
    switch (rows) {
      case 5: return direct_columns<W, 5>(job, m, n0, n1, scales, biases);
      case 6: return direct_columns<W, 6>(job, m, n0, n1, scales, biases);
      case 7: return direct_columns<W, 7>(job, m, n0, n1, scales, biases);
      case 8: return direct_columns<W, 8>(job, m, n0, n1, scales, biases);
      default: break;
    }
  }
}

// ---- many rows: columns are unpacked to a tile, then a register-blocked product runs over it.

// tile [columns, padded]: columns [n, n + columns) of W at k0 … k1, zeros up to `padded`.
template <class W>
inline void unpack(const WeightView& w, int n, int columns, const float* scales, const float* biases, int k0, int k1,
                   int padded, float* tile) {
  int groups = W::quantised ? w.k / w.group : 0;
  for (int c = 0; c < columns; c++) {
    W source[1];
    source[0].start(w, n + c);
    float* out = tile + static_cast<size_t>(c) * padded;
    int first = W::quantised ? c * groups + k0 / w.group : 0;
    over_k(w, source, scales + first, biases + first, k0, k1, kTileColumns,
           [&](int k, int, const F(&weights)[1]) __attribute__((always_inline)) { V::store(out + k - k0, weights[0]); });
  }
}

// acc [R, C] (+)= x · tileᵀ over k0 … k1. `carried` holds the accumulators between tiles of one K.
template <int R, int C>
inline void tile_product(const LinearView& job, int m, int n, const float* tile, int k0, int k1, int padded,
                         float* carried) {
  F acc[R][C];
  if (k0 == 0) {
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
      for (int c = 0; c < C; c++) {
        acc[r][c] = V::zero();
      }
    }
  } else {
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
      for (int c = 0; c < C; c++) {
        acc[r][c] = V::load(carried + (r * C + c) * V::width);
      }
    }
  }
  const size_t stride = job.w.k;
  const float* x = job.x + static_cast<size_t>(m) * stride + k0;
  auto step = [&](int k, int count) __attribute__((always_inline)) {
    F weights[C];
#pragma GCC unroll 8
    for (int c = 0; c < C; c++) {
      weights[c] = V::load(tile + static_cast<size_t>(c) * padded + k);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
      F value = load_x(x + r * stride + k, count);
#pragma GCC unroll 8
      for (int c = 0; c < C; c++) {
        acc[r][c] = V::fma(value, weights[c], acc[r][c]);
      }
    }
  };
  int k = 0, length = k1 - k0;
  for (; k + V::width <= length; k += V::width) {
    step(k, V::width);
  }
  if (k < length) {
    step(k, length - k);
  }
  if (k1 == job.w.k) {
    put_tile(job, m, n, acc);
  } else {
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 8
      for (int c = 0; c < C; c++) {
        V::store(carried + (r * C + c) * V::width, acc[r][c]);
      }
    }
  }
}

// Rows m … m + rows by one tile as high as they are.
template <int R, int C>
inline void tile_of(const LinearView& job, int rows, int m, int n, const float* tile, int k0, int k1, int padded,
                    float* carried) {
  if constexpr (R > 1) {
    if (rows < R) {
      return tile_of<R - 1, C>(job, rows, m, n, tile, k0, k1, padded, carried);
    }
  }
  tile_product<R, C>(job, m, n, tile, k0, k1, padded, carried);
}

template <int C>
inline void tile_rows(const LinearView& job, int m0, int m1, int n, const float* tile, int k0, int k1, int padded,
                      float* carried) {
  // Tiles of even heights: the lower a tile, the more it waits for loads.
  int tiles = (m1 - m0 + V::tile_rows - 1) / V::tile_rows;
  for (int i = 0, m = m0; i < tiles; i++) {
    int rows = (m1 - m + tiles - i - 1) / (tiles - i);
    tile_of<V::tile_rows, C>(job, rows, m, n, tile, k0, k1, padded, carried + static_cast<size_t>(m - m0) * C * V::width);
    m += rows;
  }
}

template <class W>
inline void tiled(const LinearView& job, int m0, int m1, int n0, int n1, const float* scales, const float* biases,
                  float* scratch) {
  const WeightView& w = job.w;
  int groups = W::quantised ? w.k / w.group : 0;
  float* tile = scratch;  // first, so that it keeps the scratch's alignment
  float* carried = scratch + kTileColumns * kUnpackedK;
  for (int n = n0; n < n1; n += kTileColumns) {
    int columns = smaller(kTileColumns, n1 - n);
    for (int k0 = 0; k0 < w.k; k0 += kUnpackedK) {
      int k1 = smaller(w.k, k0 + kUnpackedK);
      int padded = (k1 - k0 + V::width - 1) / V::width * V::width;
      unpack<W>(w, n, columns, scales + (n - n0) * groups, biases + (n - n0) * groups, k0, k1, padded, tile);
      if (columns == kTileColumns) {
        tile_rows<kTileColumns>(job, m0, m1, n, tile, k0, k1, padded, carried);
      } else {
        for (int c = 0; c < columns; c++) {
          tile_rows<1>(job, m0, m1, n + c, tile + static_cast<size_t>(c) * padded, k0, k1, padded,
                       carried + static_cast<size_t>(c) * (m1 - m0) * V::width);
        }
      }
    }
  }
}

template <class W>
inline void linear_of(const LinearView& job, int m0, int m1, int n0, int n1, float* scratch) {
  const WeightView& w = job.w;
  float* scales = scratch + kTileColumns * kUnpackedK + static_cast<size_t>(m1 - m0) * kTileColumns * V::width;
  float* biases = scales;
  if constexpr (W::quantised) {
    int groups = w.k / w.group, count = (n1 - n0) * groups;
    biases = scales + count;
    to_floats(w.scales, w.real, static_cast<size_t>(n0) * groups, count, scales);
    to_floats(w.biases, w.real, static_cast<size_t>(n0) * groups, count, biases);
  }
  int rows = m1 - m0;
  bool cached = static_cast<size_t>(rows) * w.k <= kDirectFloats;
  if (rows <= V::direct_rows && (rows <= 4 || cached)) {
    direct<W>(job, m0, m1 - m0, n0, n1, scales, biases);
  } else {
    tiled<W>(job, m0, m1, n0, n1, scales, biases, scratch);
  }
}

void linear(const LinearView& job, int m0, int m1, int n0, int n1, float* scratch) {
  switch (job.w.bits) {
    case 8: return linear_of<Bytes>(job, m0, m1, n0, n1, scratch);
    case 4: return linear_of<Nibbles>(job, m0, m1, n0, n1, scratch);
    default: break;
  }
  switch (job.w.real) {
    case Real::f32: return linear_of<Dense<Real::f32>>(job, m0, m1, n0, n1, scratch);
    case Real::f16: return linear_of<Dense<Real::f16>>(job, m0, m1, n0, n1, scratch);
    case Real::bf16: return linear_of<Dense<Real::bf16>>(job, m0, m1, n0, n1, scratch);
  }
}

size_t linear_scratch(const LinearView& job, int rows, int columns) {
  size_t affine = job.w.bits == 0 ? 0 : 2 * static_cast<size_t>(columns) * (job.w.k / job.w.group);
  size_t tile = static_cast<size_t>(kTileColumns) * kUnpackedK;
  return affine + tile + static_cast<size_t>(rows) * kTileColumns * V::width;
}

template <class W>
inline void weight_row_of(const WeightView& w, int row, float* out) {
  W source[1];
  source[0].start(w, row);
  int groups = W::quantised ? w.k / w.group : 0;
  for (int g = 0; g < (W::quantised ? groups : 1); g++) {
    float scale[1] = {}, bias[1] = {};
    int k0 = 0, k1 = w.k;
    if constexpr (W::quantised) {
      size_t at = static_cast<size_t>(row) * groups + g;
      to_floats(w.scales, w.real, at, 1, scale);
      to_floats(w.biases, w.real, at, 1, bias);
      k0 = g * w.group;
      k1 = k0 + w.group;
    }
    over_k(w, source, scale, bias, k0, k1, 1, [&](int k, int count, const F(&weights)[1]) {
      if (count == V::width) {
        V::store(out + k, weights[0]);
      } else {
        store_part(out + k, weights[0], count);
      }
    });
  }
}

void weight_row(const WeightView& w, int row, float* out) {
  switch (w.bits) {
    case 8: return weight_row_of<Bytes>(w, row, out);
    case 4: return weight_row_of<Nibbles>(w, row, out);
    default: break;
  }
  switch (w.real) {
    case Real::f32: return weight_row_of<Dense<Real::f32>>(w, row, out);
    case Real::f16: return weight_row_of<Dense<Real::f16>>(w, row, out);
    case Real::bf16: return weight_row_of<Dense<Real::bf16>>(w, row, out);
  }
}
