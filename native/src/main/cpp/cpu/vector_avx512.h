// A vector of 16 floats in AVX-512 (F, BW, VL, DQ). Included inside an anonymous namespace.

struct V {
  using F = __m512;
  static constexpr int width = 16;
  static constexpr int direct_rows = 8;
  static constexpr int tile_rows = 6;

  static F zero() { return _mm512_setzero_ps(); }
  static F set(float a) { return _mm512_set1_ps(a); }
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static F load_bf16(const uint16_t* p) {
    auto wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }
  static F load_f16(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static F load_u8(const uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  // The low, or high, 4 bits of each byte.
  static F load_low_nibbles(const uint8_t* p) {
    auto wide = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm512_cvtepi32_ps(_mm512_and_si512(wide, _mm512_set1_epi32(15)));
  }
  static F load_high_nibbles(const uint8_t* p) {
    auto wide = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm512_cvtepi32_ps(_mm512_srli_epi32(wide, 4));
  }
  static void store(float* p, F a) { _mm512_storeu_ps(p, a); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  // a where a >= limit, else 0 (also for NaN).
  static F keep_from(F a, F limit, F value) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, limit, _CMP_GE_OQ), value);
  }
  // Bit i tells whether lane i of a is at least that of low; not for NaN.
  static unsigned at_least(F a, F low) { return _mm512_cmp_ps_mask(a, low, _CMP_GE_OQ); }
  // Lane i of a where bit i is set, else of b.
  static F select(unsigned bits, F a, F b) { return _mm512_mask_mov_ps(b, static_cast<__mmask16>(bits), a); }
  // 2^n, where n is kept in the low bits of `magic` = n + 1.5 * 2^23.
  static F power_of_two(F magic) {
    auto bits = _mm512_slli_epi32(_mm512_castps_si512(magic), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(bits, _mm512_set1_epi32(0x3f800000)));
  }

  static __m128 quarter(F a) {
    auto half = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  }
  static float sum(F a) {
    auto q = quarter(a);
    auto pair = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
  }
  // The four sums, each added up in the order of sum().
  static void sum4(F a, F b, F c, F d, float* out) {
    auto qa = quarter(a), qb = quarter(b), qc = quarter(c), qd = quarter(d);
    auto ab = _mm_add_ps(_mm_movelh_ps(qa, qb), _mm_movehl_ps(qb, qa));
    auto cd = _mm_add_ps(_mm_movelh_ps(qc, qd), _mm_movehl_ps(qd, qc));
    auto even = _mm_shuffle_ps(ab, cd, _MM_SHUFFLE(2, 0, 2, 0));
    auto odd = _mm_shuffle_ps(ab, cd, _MM_SHUFFLE(3, 1, 3, 1));
    _mm_storeu_ps(out, _mm_add_ps(even, odd));
  }
  static float maximum(F a) { return _mm512_reduce_max_ps(a); }

  // ---- words of 32 bits, for weights in panels.
  using Words = __m512i;
  static constexpr int panel_sums = 24;
  static constexpr int widest = 4;
  static constexpr bool shorts = true;

  static Words load_words(const void* p) { return _mm512_loadu_si512(p); }
  static void store_words(int32_t* p, Words a) { _mm512_storeu_si512(p, a); }
  static Words set_words(int32_t a) { return _mm512_set1_epi32(a); }
  static Words add_words(Words a, Words b) { return _mm512_add_epi32(a, b); }
  static int32_t sum_words(Words a) { return _mm512_reduce_add_epi32(a); }
  static F to_float(Words a) { return _mm512_cvtepi32_ps(a); }
  static Words to_words(F a) { return _mm512_cvtps_epi32(a); }
  // Weight `i` of each word as a number. 4-bit ones through a table, which takes no masking and no conversion.
  template <int Bits>
  static F digit(Words words, int i) {
    auto shifted = i == 0 ? words : _mm512_srli_epi32(words, Bits * i);
    if constexpr (Bits == 4) {
      auto digits = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
      return _mm512_permutexvar_ps(shifted, digits);
    } else {
      return to_float(i == 3 ? shifted : _mm512_and_si512(shifted, set_words(0xff)));
    }
  }
  // Weights i and i + 16 / Bits of each word, as its two integers of 16 bits.
  template <int Bits>
  static Words pair(Words words, int i) {
    auto shifted = i == 0 ? words : _mm512_srli_epi16(words, Bits * i);
    return i == 16 / Bits - 1 ? shifted : _mm512_and_si512(shifted, set_words(Bits == 8 ? 0xff00ff : 0xf000f));
  }
  // sum + the products of a word's two integers.
  static Words dot(Words sum, Words a, Words b) {
#if defined(__AVX512VNNI__)
    // Not the intrinsic: compilers gave its result another register than the sum, and ran out of them.
    asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
#else
    return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
#endif
  }

  // 4-bit values through a table of the group's 16 possible weights: no conversion and no product per weight.
  struct Nibbles {
    F table;
    Nibbles(float scale, float bias)
        : table(fma(_mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), set(scale), set(bias))) {}
    F at(const uint8_t* packed) const {
      uint32_t low, high;
      __builtin_memcpy(&low, packed, 4);
      __builtin_memcpy(&high, packed + 4, 4);
      auto both = _mm512_mask_set1_epi32(_mm512_set1_epi32(static_cast<int>(low)), 0xff00, static_cast<int>(high));
      auto shifts = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
      return _mm512_permutexvar_ps(_mm512_srlv_epi32(both, shifts), table);
    }
  };
};
