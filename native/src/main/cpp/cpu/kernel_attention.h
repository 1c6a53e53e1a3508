// Attention of one query over one block of keys. Included by each kernels_*.cpp, see kernel_basics.h.

// out[j] = q · keys[j] for j < V::width; keys beyond `count` repeat the last one.
VLLMD_INLINE void dot_keys(const float* q, const float* keys, int head_dim, int count, float* out) {
  for (int j = 0; j < V::width; j += 4) {
    const float* key[4];
    F acc[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      key[i] = keys + static_cast<size_t>(smaller(j + i, count - 1)) * head_dim;
      acc[i] = V::zero();
    }
    int d = 0;
    for (; d + V::width <= head_dim; d += V::width) {
      F a = V::load(q + d);
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        acc[i] = V::fma(a, V::load(key[i] + d), acc[i]);
      }
    }
    if (d < head_dim) {
      F a = load_part(q + d, head_dim - d);
      for (int i = 0; i < 4; i++) {
        acc[i] = V::fma(a, load_part(key[i] + d, head_dim - d), acc[i]);
      }
    }
    V::sum4(acc[0], acc[1], acc[2], acc[3], out + j);
  }
}

// out[0 … width·C) = Σ_j p[j] · values[j]; even and odd keys in sums of their own, for the length of the chains.
template <int C>
VLLMD_INLINE void weigh_values(const float* p, const float* values, int head_dim, int count, float* out) {
  F even[C], odd[C];
#pragma GCC unroll 8
  for (int c = 0; c < C; c++) {
    even[c] = odd[c] = V::zero();
  }
  int j = 0;
  for (; j + 2 <= count; j += 2) {
    F a = V::set(p[j]), b = V::set(p[j + 1]);
    const float* v = values + static_cast<size_t>(j) * head_dim;
#pragma GCC unroll 8
    for (int c = 0; c < C; c++) {
      even[c] = V::fma(a, V::load(v + c * V::width), even[c]);
      odd[c] = V::fma(b, V::load(v + head_dim + c * V::width), odd[c]);
    }
  }
  if (j < count) {
    F a = V::set(p[j]);
    const float* v = values + static_cast<size_t>(j) * head_dim;
#pragma GCC unroll 8
    for (int c = 0; c < C; c++) {
      even[c] = V::fma(a, V::load(v + c * V::width), even[c]);
    }
  }
#pragma GCC unroll 8
  for (int c = 0; c < C; c++) {
    V::store(out + c * V::width, V::add(even[c], odd[c]));
  }
}

void attend_block(const AttentionView& kv, const float* q, int first, int count, float* partial) {
  const int head_dim = kv.head_dim;
  const float* keys = kv.keys + static_cast<size_t>(first) * head_dim;
  const float* values = kv.values + static_cast<size_t>(first) * head_dim;
  float p[kKeyBlock];
  int padded = 0;
  F largest = V::set(-__builtin_inff());
  for (; padded < count; padded += V::width) {
    // The repeated keys at the end cannot raise the maximum.
    dot_keys(q, keys + static_cast<size_t>(padded) * head_dim, head_dim, count - padded, p + padded);
    largest = V::max(V::load(p + padded), largest);
  }
  float maximum = V::maximum(largest);
  F shift = V::set(maximum), total = V::zero();
  for (int j = 0; j < padded; j += V::width) {
    F e = exponential(V::sub(V::load(p + j), shift));
    V::store(p + j, e);
    if (j + V::width > count) {
      for (int i = count; i < j + V::width; i++) {
        p[i] = 0;
      }
      e = V::load(p + j);
    }
    total = V::add(total, e);
  }
  partial[0] = maximum;
  partial[1] = V::sum(total);

  float* out = partial + kPartialHeader;
  int d = 0;
  for (; d + 4 * V::width <= head_dim; d += 4 * V::width) {
    weigh_values<4>(p, values + d, head_dim, count, out + d);
  }
  for (; d + V::width <= head_dim; d += V::width) {
    weigh_values<1>(p, values + d, head_dim, count, out + d);
  }
  for (; d < head_dim; d++) {
    float sum = 0;
    for (int j = 0; j < count; j++) {
      sum += p[j] * values[static_cast<size_t>(j) * head_dim + d];
    }
    out[d] = sum;
  }
}

VLLMD_INLINE float exponential_of(float x) {
  float lanes[V::width];
  V::store(lanes, exponential(V::set(x)));
  return lanes[0];
}

VLLMD_INLINE bool sees_nothing(const float* partial) { return partial[0] == -__builtin_inff() && partial[1] == 0; }

void merge(float* running, const float* next, int head_dim) {
  if (sees_nothing(next)) {
    return;
  }
  if (sees_nothing(running)) {
    for (int i = 0; i < kPartialHeader + head_dim; i++) {
      running[i] = next[i];
    }
    return;
  }
  float maximum = running[0] > next[0] ? running[0] : next[0];
  float a = exponential_of(running[0] - maximum), b = exponential_of(next[0] - maximum);
  running[0] = maximum;
  running[1] = running[1] * a + next[1] * b;
  float* sum = running + kPartialHeader;
  const float* more = next + kPartialHeader;
  int d = 0;
  F va = V::set(a), vb = V::set(b);
  for (; d + V::width <= head_dim; d += V::width) {
    V::store(sum + d, V::fma(V::load(sum + d), va, V::mul(V::load(more + d), vb)));
  }
  for (; d < head_dim; d++) {
    sum[d] = sum[d] * a + more[d] * b;
  }
}

void finish(const float* partial, int head_dim, float* out) {
  float factor = 1.0f / partial[1];
  for (int d = 0; d < head_dim; d++) {
    out[d] = partial[kPartialHeader + d] * factor;
  }
}
