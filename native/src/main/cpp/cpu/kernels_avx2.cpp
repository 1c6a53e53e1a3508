// Kernels for AVX2 with FMA and F16C.
#include "cpu/kernels.h"

#if defined(__AVX2__)

#include <immintrin.h>

namespace vllmd::cpu {
namespace {

struct V {
  using F = __m256;
  static constexpr int width = 8;
  static constexpr int direct_rows = 4;
  static constexpr int tile_rows = 2;

  static F zero() { return _mm256_setzero_ps(); }
  static F set(float a) { return _mm256_set1_ps(a); }
  static F load(const float* p) { return _mm256_loadu_ps(p); }
  static F load_bf16(const uint16_t* p) {
    auto wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
  }
  static F load_f16(const uint16_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static F load_u8(const uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  // The low, or high, 4 bits of each byte.
  static F load_low_nibbles(const uint8_t* p) {
    auto wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    return _mm256_cvtepi32_ps(_mm256_and_si256(wide, _mm256_set1_epi32(15)));
  }
  static F load_high_nibbles(const uint8_t* p) {
    auto wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    return _mm256_cvtepi32_ps(_mm256_srli_epi32(wide, 4));
  }
  static void store(float* p, F a) { _mm256_storeu_ps(p, a); }
  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F div(F a, F b) { return _mm256_div_ps(a, b); }
  static F max(F a, F b) { return _mm256_max_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F keep_from(F a, F limit, F value) { return _mm256_and_ps(_mm256_cmp_ps(a, limit, _CMP_GE_OQ), value); }
  static unsigned at_least(F a, F low) {
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a, low, _CMP_GE_OQ)));
  }
  static F select(unsigned bits, F a, F b) {
    auto lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    auto set = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), lane), lane);
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(set));
  }
  static F power_of_two(F magic) {
    auto bits = _mm256_slli_epi32(_mm256_castps_si256(magic), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(bits, _mm256_set1_epi32(0x3f800000)));
  }

  static __m128 half(F a) { return _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1)); }
  static float sum(F a) {
    auto h = half(a);
    auto pair = _mm_add_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
  }
  // The four sums, each added up in the order of sum().
  static void sum4(F a, F b, F c, F d, float* out) {
    auto ha = half(a), hb = half(b), hc = half(c), hd = half(d);
    auto ab = _mm_add_ps(_mm_movelh_ps(ha, hb), _mm_movehl_ps(hb, ha));
    auto cd = _mm_add_ps(_mm_movelh_ps(hc, hd), _mm_movehl_ps(hd, hc));
    auto even = _mm_shuffle_ps(ab, cd, _MM_SHUFFLE(2, 0, 2, 0));
    auto odd = _mm_shuffle_ps(ab, cd, _MM_SHUFFLE(3, 1, 3, 1));
    _mm_storeu_ps(out, _mm_add_ps(even, odd));
  }
  static float maximum(F a) {
    auto h = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    auto pair = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(pair, _mm_movehdup_ps(pair)));
  }

  // ---- words of 32 bits, for weights in panels.
  using Words = __m256i;
  static constexpr int panel_sums = 12;
  static constexpr int widest = 2;
  static constexpr bool shorts = true;

  static Words load_words(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void store_words(int32_t* p, Words a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a); }
  static Words set_words(int32_t a) { return _mm256_set1_epi32(a); }
  static Words add_words(Words a, Words b) { return _mm256_add_epi32(a, b); }
  static int32_t sum_words(Words a) {
    auto half = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(2, 3, 0, 1))));
  }
  static F to_float(Words a) { return _mm256_cvtepi32_ps(a); }
  static Words to_words(F a) { return _mm256_cvtps_epi32(a); }
  // Weight `i` of each word as a number.
  template <int Bits>
  static F digit(Words words, int i) {
    auto shifted = i == 0 ? words : _mm256_srli_epi32(words, Bits * i);
    return to_float(i == 32 / Bits - 1 ? shifted : _mm256_and_si256(shifted, set_words((1 << Bits) - 1)));
  }
  // Weights i and i + 16 / Bits of each word, as its two integers of 16 bits.
  template <int Bits>
  static Words pair(Words words, int i) {
    auto shifted = i == 0 ? words : _mm256_srli_epi16(words, Bits * i);
    return i == 16 / Bits - 1 ? shifted : _mm256_and_si256(shifted, set_words(Bits == 8 ? 0xff00ff : 0xf000f));
  }
  // sum + the products of a word's two integers.
  static Words dot(Words sum, Words a, Words b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }

  struct Nibbles {
    F scale, bias;
    Nibbles(float s, float b) : scale(set(s)), bias(set(b)) {}
    F at(const uint8_t* packed) const {
      int word;
      __builtin_memcpy(&word, packed, 4);
      auto shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
      auto digits = _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(word), shifts), _mm256_set1_epi32(15));
      return fma(_mm256_cvtepi32_ps(digits), scale, bias);
    }
  };
};

#include "cpu/kernel_basics.h"
#include "cpu/kernel_weights.h"
#include "cpu/kernel_linear.h"
#include "cpu/kernel_pages.h"
#include "cpu/kernel_page_writes.h"
#include "cpu/kernel_partials.h"
#include "cpu/kernel_activations.h"
#include "cpu/kernel_rows.h"
#include "cpu/kernel_sampling.h"
#include "cpu/kernel_panels.h"
#include "cpu/kernel_table.h"

}  // namespace

const Kernels* avx2_kernels() {
  static constexpr Kernels table = kernel_table("avx2");
  bool here = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  return here ? &table : nullptr;
}

}  // namespace vllmd::cpu

#else

namespace vllmd::cpu {
const Kernels* avx2_kernels() { return nullptr; }
}  // namespace vllmd::cpu

#endif
