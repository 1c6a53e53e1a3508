// Sampling's inner loops. Included by each kernels_*.cpp, see kernel_basics.h.

int argmax(const float* x, int n) {
  // The largest of each block, so that only one block is searched for its place.
  constexpr int kBlock = 512;
  float largest = -__builtin_inff();
  int found = 0;
  for (int start = 0; start < n; start += kBlock) {
    int end = smaller(n, start + kBlock), i = start;
    F a = V::set(-__builtin_inff()), b = a;
    for (; i + 2 * V::width <= end; i += 2 * V::width) {
      a = V::max(V::load(x + i), a);  // of a NaN and a number, this order keeps the number
      b = V::max(V::load(x + i + V::width), b);
    }
    float most = V::maximum(V::max(a, b));
    for (; i < end; i++) {
      most = x[i] > most ? x[i] : most;
    }
    if (most > largest) {
      largest = most;
      found = start;
    }
  }
  for (int i = found; i < n; i++) {
    if (x[i] == largest) {
      return i;
    }
  }
  return 0;  // nothing but NaN
}

// Terms added up in one float32 lane: few enough that a sum stays within 1e-6.
constexpr int kTerms = 16;

double exp_shifted(const float* x, int n, float shift, float factor, float* out) {
  double total = 0;
  F offset = V::set(shift), scale = V::set(factor);
  int i = 0;
  while (i + V::width <= n) {
    int end = smaller(n, i + kTerms * V::width);
    F sum = V::zero();
    for (; i + V::width <= end; i += V::width) {
      F e = exponential(V::mul(V::sub(V::load(x + i), offset), scale));
      V::store(out + i, e);
      sum = V::add(sum, e);
    }
    total += static_cast<double>(V::sum(sum));
  }
  if (i < n) {
    store_part(out + i, exponential(V::mul(V::sub(load_part(x + i, n - i), offset), scale)), n - i);
    for (; i < n; i++) {
      total += static_cast<double>(out[i]);
    }
  }
  return total;
}

double sum_from(const float* x, int n, float low, int* count) {
  double total = 0;
  F found = V::zero(), limit = V::set(low), one = V::set(1);
  int i = 0;
  while (i + V::width <= n) {
    int end = smaller(n, i + kTerms * V::width);
    F sum = V::zero();
    for (; i + V::width <= end; i += V::width) {
      F a = V::load(x + i);
      sum = V::add(sum, V::keep_from(a, limit, a));
      found = V::add(found, V::keep_from(a, limit, one));
    }
    total += static_cast<double>(V::sum(sum));
  }
  int counted = static_cast<int>(V::sum(found));
  for (; i < n; i++) {
    if (x[i] >= low) {
      total += static_cast<double>(x[i]);
      counted++;
    }
  }
  *count = counted;
  return total;
}

void mask(const uint32_t* words, int n, float* x) {
  const F least = V::set(-3.402823466e38f), none = V::set(-__builtin_inff());
  for (int i = 0; i < n; i += V::width) {
    unsigned bits = words[i / 32] >> (i % 32);
    if (i + V::width <= n) {
      V::store(x + i, V::select(bits, V::max(V::load(x + i), least), none));
    } else {
      store_part(x + i, V::select(bits, V::max(load_part(x + i, n - i), least), none), n - i);
    }
  }
}

int find_within(const float* x, int from, int n, float low, float high, int room, int* ids, int* found) {
  int i = from, count = 0;
  F lowest = V::set(low), limit = V::set(high);
  for (; i + V::width <= n && count + V::width <= room; i += V::width) {
    F a = V::load(x + i);
    unsigned lanes = V::at_least(a, lowest);
    if (lanes != 0) {
      lanes &= ~V::at_least(a, limit);
    }
    for (; lanes != 0; lanes &= lanes - 1) {
      ids[count++] = i + __builtin_ctz(lanes);
    }
  }
  for (; i < n && i + V::width > n && count < room; i++) {
    if (x[i] >= low && x[i] < high) {
      ids[count++] = i;
    }
  }
  *found = count;
  return i;
}
