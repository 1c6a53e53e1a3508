// The products of 16-bit integers for AVX-512 with VNNI, which multiplies and adds in one instruction.
#include "cpu/kernels.h"

#if defined(__AVX512VNNI__)

#include <immintrin.h>

namespace vllmd::cpu {
namespace {

#include "cpu/vector_avx512.h"

#include "cpu/kernel_basics.h"
#include "cpu/kernel_activations.h"
#include "cpu/kernel_panels.h"

}  // namespace

const PanelMath* avx512vnni_math() {
  static constexpr PanelMath math = {panel_row<Fast>, panel_products<Fast>};
  return __builtin_cpu_supports("avx512vnni") ? &math : nullptr;
}

}  // namespace vllmd::cpu

#else

namespace vllmd::cpu {
const PanelMath* avx512vnni_math() { return nullptr; }
}  // namespace vllmd::cpu

#endif
