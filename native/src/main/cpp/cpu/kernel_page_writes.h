// Writing keys and values into blocks of pages, and unpacking quantised blocks. Included by each kernels_*.cpp, see
// kernel_basics.h.

// To the nearest, ties to even; beyond 65504 the largest finite number.
VLLMD_INLINE uint16_t to_f16(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, 4);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x477fe000) {
    return static_cast<uint16_t>(sign | 0x7bff);
  }
  if (magnitude < 0x38800000) {
    // Subnormal: adding 2^-1 makes the hardware round at 2^-24.
    float rounded;
    __builtin_memcpy(&rounded, &magnitude, 4);
    rounded += 0.5f;
    uint32_t low;
    __builtin_memcpy(&low, &rounded, 4);
    return static_cast<uint16_t>(sign | (low - 0x3f000000));
  }
  uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1) - 0x38000000;
  return static_cast<uint16_t>(sign | rounded >> 13);
}

VLLMD_INLINE float from_f16(uint16_t h) {
  uint16_t lanes[V::width] = {h};
  float wide[V::width];
  V::store(wide, V::load_f16(lanes));
  return wide[0];
}

// Codes of one group of 32, as PageFormat says.
struct Quantised {
  uint16_t scale, bias;
  uint8_t codes[kPageGroup];
};

VLLMD_INLINE Quantised quantised(const float* x, int bits) {
  float least = x[0], most = x[0];
  for (int i = 1; i < kPageGroup; i++) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
  }
  const auto levels = static_cast<float>((1 << bits) - 1);
  Quantised q;
  q.bias = to_f16(least - __builtin_fabsf(least) * 0x1p-11f);
  float bias = from_f16(q.bias);
  q.scale = to_f16((most - bias) * ((1 + 0x1p-11f) / levels));
  float scale = from_f16(q.scale), inverse = scale == 0 ? 0 : 1 / scale;
  for (int i = 0; i < kPageGroup; i++) {
    float code = (x[i] - bias) * inverse;
    // A NaN becomes 0 here: comparisons with it fail.
    code = code > 0 ? code : 0;
    code = code < levels ? code : levels;
    // Adding 2^23 rounds to an integer in the low bits, ties to even.
    float rounded = code + 8388608.0f;
    uint32_t low;
    __builtin_memcpy(&low, &rounded, 4);
    q.codes[i] = static_cast<uint8_t>(low);
  }
  return q;
}

void store_key(const BlockLayout& layout, const float* key, void* block, int position) {
  if (layout.bits == 0) {
    auto* column = static_cast<float*>(block) + position;
    for (int d = 0; d < layout.head_dim; d++) {
      column[static_cast<size_t>(d) * kPage] = key[d];
    }
    return;
  }
  auto* codes = static_cast<uint8_t*>(block) + position;
  auto* scales = reinterpret_cast<uint16_t*>(static_cast<uint8_t*>(block) + layout.value_bytes()) + position;
  for (int g = 0; g < layout.groups(); g++) {
    Quantised q = quantised(key + g * kPageGroup, layout.bits);
    scales[g * kPage] = q.scale;
    scales[(layout.groups() + g) * kPage] = q.bias;
    if (layout.bits == 8) {
      for (int i = 0; i < kPageGroup; i++) {
        codes[(g * kPageGroup + i) * kPage] = q.codes[i];
      }
    } else {
      for (int i = 0; i < kPageGroup; i += 2) {
        codes[(g * kPageGroup + i) / 2 * kPage] = static_cast<uint8_t>(q.codes[i] | q.codes[i + 1] << 4);
      }
    }
  }
}

void store_value(const BlockLayout& layout, const float* value, void* block, int position) {
  if (layout.bits == 0) {
    __builtin_memcpy(static_cast<float*>(block) + static_cast<size_t>(position) * layout.head_dim, value,
                     layout.head_dim * sizeof(float));
    return;
  }
  int groups = layout.groups(), bytes = layout.head_dim * layout.bits / 8;
  auto* codes = static_cast<uint8_t*>(block) + position * bytes;
  auto* scales = reinterpret_cast<uint16_t*>(static_cast<uint8_t*>(block) + layout.value_bytes()) + position * groups;
  for (int g = 0; g < groups; g++) {
    Quantised q = quantised(value + g * kPageGroup, layout.bits);
    scales[g] = q.scale;
    scales[kPage * groups + g] = q.bias;
    if (layout.bits == 8) {
      __builtin_memcpy(codes + g * kPageGroup, q.codes, kPageGroup);
    } else {
      for (int i = 0; i < kPageGroup; i += 2) {
        codes[(g * kPageGroup + i) / 2] = static_cast<uint8_t>(q.codes[i] | q.codes[i + 1] << 4);
      }
    }
  }
}

template <class Keys>
inline void unpack_keys_of(const BlockLayout& layout, const void* block, float* out) {
  for (int first = 0; first < kPage; first += kKeyVectors * V::width) {
    Keys keys(layout, block, first);
    for (int d = 0; d < layout.head_dim; d++) {
      if (d % kPageGroup == 0) {
        keys.begin(d / kPageGroup, static_cast<const char*>(block));
      }
      for (int c = 0; c < kKeyVectors; c++) {
        V::store(out + d * kPage + first + c * V::width, keys.at(d, c, d % 2 == 1));
      }
    }
  }
}

void unpack_keys(const BlockLayout& layout, const void* block, float* out) {
  if (layout.bits == 8) {
    unpack_keys_of<ByteKeys>(layout, block, out);
  } else {
    unpack_keys_of<NibbleKeys>(layout, block, out);
  }
}

template <class Values>
inline void unpack_values_of(const BlockLayout& layout, const void* block, float* wide, float* out) {
  auto* scales = static_cast<const uint8_t*>(block) + layout.value_bytes();
  to_floats<Real::f16>(scales, 2 * kPage * layout.groups(), wide);
  Values values(layout, block, wide);
  for (int j = 0; j < kPage; j++) {
    for (int d = 0; d < layout.head_dim; d += V::width) {
      V::store(out + j * layout.head_dim + d, values.at(j, d));
    }
  }
}

void unpack_values(const BlockLayout& layout, const void* block, float* wide, float* out) {
  if (layout.bits == 8) {
    unpack_values_of<ByteValues>(layout, block, wide, out);
  } else {
    unpack_values_of<NibbleValues>(layout, block, wide, out);
  }
}
