// Norms, activations and rotation. Included by each kernels_*.cpp, see kernel_basics.h.

// sum of x² over k elements.
VLLMD_INLINE float sum_of_squares(const float* x, int k) {
  F a = V::zero(), b = V::zero();
  int i = 0;
  for (; i + 2 * V::width <= k; i += 2 * V::width) {
    F u = V::load(x + i), v = V::load(x + i + V::width);
    a = V::fma(u, u, a);
    b = V::fma(v, v, b);
  }
  for (; i < k; i += V::width) {
    F u = i + V::width <= k ? V::load(x + i) : load_part(x + i, k - i);
    a = V::fma(u, u, a);
  }
  return V::sum(V::add(a, b));
}

VLLMD_INLINE float inverse_rms(const float* x, int k, float eps) {
  return 1.0f / __builtin_sqrtf(sum_of_squares(x, k) / static_cast<float>(k) + eps);
}

template <Real R>
inline void rms_norm_of(const float* x, const void* weight, int k, float eps, float* out) {
  auto* w = static_cast<const typename Element<R>::type*>(weight);
  F factor = V::set(inverse_rms(x, k, eps));
  int i = 0;
  for (; i + V::width <= k; i += V::width) {
    V::store(out + i, V::mul(V::mul(V::load(x + i), factor), Element<R>::load(w + i)));
  }
  if (i < k) {
    F part = V::mul(V::mul(load_part(x + i, k - i), factor), load_part<R>(w + i, k - i));
    store_part(out + i, part, k - i);
  }
}

void rms_norm(const float* x, const void* weight, Real real, int k, float eps, float* out) {
  switch (real) {
    case Real::f32: return rms_norm_of<Real::f32>(x, weight, k, eps, out);
    case Real::f16: return rms_norm_of<Real::f16>(x, weight, k, eps, out);
    case Real::bf16: return rms_norm_of<Real::bf16>(x, weight, k, eps, out);
  }
}

void swiglu(const float* gate, const float* up, int n, float* out) {
  int i = 0;
  for (; i + V::width <= n; i += V::width) {
    V::store(out + i, silu_times(V::load(gate + i), V::load(up + i)));
  }
  if (i < n) {
    store_part(out + i, silu_times(load_part(gate + i, n - i), load_part(up + i, n - i)), n - i);
  }
}

void rope_head(const float* in, const float* norm, float eps, int head_dim, const float* cosines, const float* sines,
               int rope_dims, float* out) {
  if (norm != nullptr) {
    rms_norm_of<Real::f32>(in, norm, head_dim, eps, out);
  } else {
    for (int i = 0; i < head_dim; i++) {
      out[i] = in[i];
    }
  }
  int half = rope_dims / 2, i = 0;
  auto rotate = [](F a, F b, F c, F s, F& first, F& second) {
    first = V::sub(V::mul(a, c), V::mul(b, s));
    second = V::fma(a, s, V::mul(b, c));
  };
  F first, second;
  for (; i + V::width <= half; i += V::width) {
    rotate(V::load(out + i), V::load(out + half + i), V::load(cosines + i), V::load(sines + i), first, second);
    V::store(out + i, first);
    V::store(out + half + i, second);
  }
  if (i < half) {
    int n = half - i;
    rotate(load_part(out + i, n), load_part(out + half + i, n), load_part(cosines + i, n), load_part(sines + i, n),
           first, second);
    store_part(out + i, first, n);
    store_part(out + half + i, second, n);
  }
}

void scaled(const float* in, float factor, int n, float* out) {
  for (int i = 0; i < n; i++) {
    out[i] = in[i] * factor;
  }
}
