// Activations of a vector. Included by each kernels_*.cpp, see kernel_basics.h.

// a · sigmoid(a) · b. e^-a is held inside float32; for a < -87 the result is then 0 to within 1e-35.
VLLMD_INLINE F silu_times(F a, F b) {
  F e = exponential(V::sub(V::zero(), V::max(a, V::set(-87.0f))));
  return V::div(V::mul(a, b), V::add(V::set(1.0f), e));
}
