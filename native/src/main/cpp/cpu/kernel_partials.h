// Partial results of attention: merging and finishing them. Included by each kernels_*.cpp, see kernel_basics.h.

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
