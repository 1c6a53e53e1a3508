// A vector of 8 floats in the compilers' own vector extension: the generic kernels, and NEON's with two intrinsics.
// Included inside an anonymous namespace.

typedef float Float8 __attribute__((vector_size(32)));
typedef int32_t Int8x32 __attribute__((vector_size(32)));
typedef uint16_t Short8 __attribute__((vector_size(16)));
typedef uint8_t Byte8 __attribute__((vector_size(8)));

struct Portable {
  using F = Float8;
  static constexpr int width = 8;
  static constexpr int direct_rows = 4;
  static constexpr int tile_rows = 2;

  static F zero() { return F{}; }
  static F set(float a) { return F{a, a, a, a, a, a, a, a}; }
  static F load(const float* p) {
    F a;
    __builtin_memcpy(&a, p, sizeof a);
    return a;
  }
  static F load_bf16(const uint16_t* p) {
    Short8 bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return reinterpret(__builtin_convertvector(bits, Int8x32) << 16);
  }
  static F load_f16(const uint16_t* p) {
#if defined(__aarch64__)
    typedef __fp16 Half8 __attribute__((vector_size(16)));
    Half8 half;
    __builtin_memcpy(&half, p, sizeof half);
    return __builtin_convertvector(half, F);
#else
    F a;
    for (int i = 0; i < 8; i++) {
      a[i] = from_f16(p[i]);
    }
    return a;
#endif
  }
  static F load_u8(const uint8_t* p) {
    Byte8 bytes;
    __builtin_memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(__builtin_convertvector(bytes, Int8x32), F);
  }
  // The low, or high, 4 bits of each byte.
  static F load_low_nibbles(const uint8_t* p) {
    Byte8 bytes;
    __builtin_memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(__builtin_convertvector(bytes, Int8x32) & 15, F);
  }
  static F load_high_nibbles(const uint8_t* p) {
    Byte8 bytes;
    __builtin_memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(__builtin_convertvector(bytes, Int8x32) >> 4, F);
  }
  static void store(float* p, F a) { __builtin_memcpy(p, &a, sizeof a); }
  static F add(F a, F b) { return a + b; }
  static F sub(F a, F b) { return a - b; }
  static F mul(F a, F b) { return a * b; }
  static F div(F a, F b) { return a / b; }
  static F max(F a, F b) { return a > b ? a : b; }
  static F fma(F a, F b, F c) { return a * b + c; }
  static F keep_from(F a, F limit, F value) { return a >= limit ? value : F{}; }
  static unsigned at_least(F a, F low) {
    Int8x32 lanes = a >= low;
    uint64_t pairs[4];
    __builtin_memcpy(pairs, &lanes, sizeof pairs);
    if ((pairs[0] | pairs[1] | pairs[2] | pairs[3]) == 0) {
      return 0;
    }
    unsigned bits = 0;
    for (int i = 0; i < width; i++) {
      bits |= static_cast<unsigned>(lanes[i] & 1) << i;
    }
    return bits;
  }
  static F select(unsigned bits, F a, F b) {
    auto all = static_cast<int32_t>(bits);
    Int8x32 lane = {1, 2, 4, 8, 16, 32, 64, 128};
    Int8x32 set = (Int8x32{all, all, all, all, all, all, all, all} & lane) != 0;
    return set ? a : b;
  }
  static F power_of_two(F magic) {
    Int8x32 bits;
    __builtin_memcpy(&bits, &magic, sizeof bits);
    // Shifted as unsigned: the sign bit may be shifted out.
    typedef uint32_t Word8 __attribute__((vector_size(32)));
    Word8 words = (Word8)bits << 23;
    return reinterpret((Int8x32)words + 0x3f800000);
  }
  static float sum(F a) {
    float q0 = a[0] + a[4], q1 = a[1] + a[5], q2 = a[2] + a[6], q3 = a[3] + a[7];
    return (q0 + q2) + (q1 + q3);
  }
  static void sum4(F a, F b, F c, F d, float* out) {
    out[0] = sum(a);
    out[1] = sum(b);
    out[2] = sum(c);
    out[3] = sum(d);
  }
  static float maximum(F a) {
    float m = a[0];
    for (int i = 1; i < 8; i++) {
      m = a[i] > m ? a[i] : m;
    }
    return m;
  }

  // ---- words of 32 bits, for weights in panels. Integers of 16 bits would be no faster here.
  typedef uint32_t Words __attribute__((vector_size(32)));
  static constexpr int panel_sums = 12;
  static constexpr int widest = 2;
  static constexpr bool shorts = false;

  static Words load_words(const void* p) {
    Words a;
    __builtin_memcpy(&a, p, sizeof a);
    return a;
  }
  static void store_words(int32_t* p, Words a) { __builtin_memcpy(p, &a, sizeof a); }
  static Words set_words(int32_t a) { return Words{} + static_cast<uint32_t>(a); }
  static Words add_words(Words a, Words b) { return a + b; }
  static int32_t sum_words(Words a) {
    uint32_t sum = 0;
    for (int i = 0; i < width; i++) {
      sum += a[i];
    }
    return static_cast<int32_t>(sum);
  }
  static F to_float(Words a) { return __builtin_convertvector((Int8x32)a, F); }
  static Words to_words(F a) {
    Words words;
    for (int i = 0; i < width; i++) {
      words[i] = static_cast<uint32_t>(static_cast<int32_t>(__builtin_rintf(a[i])));
    }
    return words;
  }
  // Weight `i` of each word as a number.
  template <int Bits>
  static F digit(Words words, int i) {
    return to_float(words >> (Bits * i) & ((1u << Bits) - 1));
  }
  // Weights i and i + 16 / Bits of each word, as its two integers of 16 bits.
  template <int Bits>
  static Words pair(Words words, int i) {
    return words >> (Bits * i) & (Bits == 8 ? 0xff00ffu : 0xf000fu);
  }
  // sum + the products of a word's two integers.
  static Words dot(Words sum, Words a, Words b) {
    auto x = (Int8x32)a, y = (Int8x32)b;
    return sum + (Words)((x << 16 >> 16) * (y << 16 >> 16)) + (Words)((x >> 16) * (y >> 16));
  }

  static F reinterpret(Int8x32 bits) {
    F a;
    __builtin_memcpy(&a, &bits, sizeof a);
    return a;
  }
  static float from_f16(uint16_t h) {
    uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16, rest = h & 0x7fff;
    float magnitude;
    if (rest >= 0x7c00) {
      uint32_t bits = 0x7f800000 | (rest & 0x3ff) << 13;
      __builtin_memcpy(&magnitude, &bits, 4);
    } else if (rest >= 0x400) {
      uint32_t bits = (rest << 13) + (112u << 23);
      __builtin_memcpy(&magnitude, &bits, 4);
    } else {
      magnitude = static_cast<float>(rest) * 0x1p-24f;
    }
    uint32_t bits;
    __builtin_memcpy(&bits, &magnitude, 4);
    bits |= sign;
    float value;
    __builtin_memcpy(&value, &bits, 4);
    return value;
  }

  struct Nibbles {
    F scale, bias;
    Nibbles(float s, float b) : scale(set(s)), bias(set(b)) {}
    F digits(const uint8_t* packed) const {
      uint32_t word;
      __builtin_memcpy(&word, packed, 4);
      typedef uint32_t Word8 __attribute__((vector_size(32)));
      Word8 all = {word, word, word, word, word, word, word, word};
      Word8 shifts = {0, 4, 8, 12, 16, 20, 24, 28};
      return __builtin_convertvector((Int8x32)((all >> shifts) & 15), F);
    }
    F at(const uint8_t* packed) const { return digits(packed) * scale + bias; }
  };
};
