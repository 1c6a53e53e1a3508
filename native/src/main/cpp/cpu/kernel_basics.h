// Included by each kernels_*.cpp inside its anonymous namespace, after its vector type V: everything here is compiled
// once per instruction set, and nothing of it may leak to another (no standard library inlines).

using F = V::F;

#define VLLMD_INLINE inline __attribute__((always_inline))

VLLMD_INLINE int real_bytes(Real real) { return real == Real::f32 ? 4 : 2; }

VLLMD_INLINE int smaller(int a, int b) { return a < b ? a : b; }

template <Real R>
struct Element;
template <>
struct Element<Real::f32> {
  using type = float;
  static F load(const float* p) { return V::load(p); }
};
template <>
struct Element<Real::f16> {
  using type = uint16_t;
  static F load(const uint16_t* p) { return V::load_f16(p); }
};
template <>
struct Element<Real::bf16> {
  using type = uint16_t;
  static F load(const uint16_t* p) { return V::load_bf16(p); }
};

// The first `count` lanes from memory, the others 0; reads nothing beyond.
template <Real R>
VLLMD_INLINE F load_part(const typename Element<R>::type* p, int count) {
  typename Element<R>::type padded[V::width] = {};
  for (int i = 0; i < count; i++) {
    padded[i] = p[i];
  }
  return Element<R>::load(padded);
}

VLLMD_INLINE F load_part(const float* p, int count) { return load_part<Real::f32>(p, count); }

VLLMD_INLINE void store_part(float* p, F a, int count) {
  float lanes[V::width];
  V::store(lanes, a);
  for (int i = 0; i < count; i++) {
    p[i] = lanes[i];
  }
}

template <Real R>
inline void to_floats(const void* from, int n, float* out) {
  auto* p = static_cast<const typename Element<R>::type*>(from);
  int i = 0;
  for (; i + V::width <= n; i += V::width) {
    V::store(out + i, Element<R>::load(p + i));
  }
  if (i < n) {
    store_part(out + i, load_part<R>(p + i, n - i), n - i);
  }
}

// out [n] = elements [offset, offset + n) of `from`.
inline void to_floats(const void* from, Real real, size_t offset, int n, float* out) {
  switch (real) {
    case Real::f32: return to_floats<Real::f32>(static_cast<const float*>(from) + offset, n, out);
    case Real::f16: return to_floats<Real::f16>(static_cast<const uint16_t*>(from) + offset, n, out);
    case Real::bf16: return to_floats<Real::bf16>(static_cast<const uint16_t*>(from) + offset, n, out);
  }
}

// e^x to about 1e-7 relative for x <= 88; 0 below -87 and for NaN. x = n·ln 2 + r, |r| <= ln 2 / 2; e^r by the
// minimax polynomial of Cephes' expf.
VLLMD_INLINE F exponential(F x) {
  const F magic = V::set(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer in the low bits
  F shifted = V::fma(x, V::set(1.44269504088896341f), magic);
  F n = V::sub(shifted, magic);
  F r = V::fma(n, V::set(-0.693359375f), x);
  r = V::fma(n, V::set(2.12194440e-4f), r);
  F p = V::set(1.9875691500e-4f);
  p = V::fma(p, r, V::set(1.3981999507e-3f));
  p = V::fma(p, r, V::set(8.3334519073e-3f));
  p = V::fma(p, r, V::set(4.1665795894e-2f));
  p = V::fma(p, r, V::set(1.6666665459e-1f));
  p = V::fma(p, r, V::set(5.0000001201e-1f));
  p = V::add(V::fma(V::mul(r, r), p, r), V::set(1.0f));
  return V::keep_from(x, V::set(-87.0f), V::mul(p, V::power_of_two(shifted)));
}
