// Kernels for NEON: the portable vectors, with the fused product that the compiler must not choose by itself.
#include "cpu/kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>

namespace vllmd::cpu {
namespace {

#include "cpu/vector_portable.h"

struct V : Portable {
  static constexpr int direct_rows = 4;
  static constexpr int tile_rows = 3;

  static F fma(F a, F b, F c) {
    Pair x = split(a), y = split(b), z = split(c);
    return join({vfmaq_f32(z.low, x.low, y.low), vfmaq_f32(z.high, x.high, y.high)});
  }
  static F load_u8(const uint8_t* p) {
    uint16x8_t wide = vmovl_u8(vld1_u8(p));
    return join({vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))), vcvtq_f32_u32(vmovl_high_u16(wide))});
  }
  static float maximum(F a) {
    Pair x = split(a);
    return vmaxvq_f32(vmaxq_f32(x.low, x.high));
  }
  // As Portable::sum: lanes 4 apart, then 2 apart, then neighbours.
  static float sum(F a) {
    Pair x = split(a);
    float32x4_t q = vaddq_f32(x.low, x.high);
    float32x2_t pair = vadd_f32(vget_low_f32(q), vget_high_f32(q));
    return vget_lane_f32(vpadd_f32(pair, pair), 0);
  }
  static void sum4(F a, F b, F c, F d, float* out) {
    out[0] = sum(a);
    out[1] = sum(b);
    out[2] = sum(c);
    out[3] = sum(d);
  }

  struct Nibbles : Portable::Nibbles {
    using Portable::Nibbles::Nibbles;
    F at(const uint8_t* packed) const { return V::fma(digits(packed), scale, bias); }
  };

 private:
  struct Pair {
    float32x4_t low, high;
  };
  static Pair split(F a) { return __builtin_bit_cast(Pair, a); }
  static F join(Pair p) { return __builtin_bit_cast(F, p); }
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

const Kernels* neon_kernels() {
  static constexpr Kernels table = kernel_table("neon");
  return &table;
}

}  // namespace vllmd::cpu

#else

namespace vllmd::cpu {
const Kernels* neon_kernels() { return nullptr; }
}  // namespace vllmd::cpu

#endif
