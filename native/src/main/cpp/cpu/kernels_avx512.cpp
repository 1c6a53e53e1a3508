// Kernels for AVX-512 (F, BW, VL, DQ).
#include "cpu/kernels.h"

#if defined(__AVX512F__)

#include <immintrin.h>

namespace vllmd::cpu {
namespace {

#include "cpu/vector_avx512.h"

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

const Kernels* avx512_kernels() {
  static const Kernels table = [] {
    auto kernels = kernel_table("avx512");
    if (const PanelMath* faster = avx512vnni_math()) {
      kernels.fast = *faster;
    }
    return kernels;
  }();
  bool here = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return here ? &table : nullptr;
}

}  // namespace vllmd::cpu

#else

namespace vllmd::cpu {
const Kernels* avx512_kernels() { return nullptr; }
}  // namespace vllmd::cpu

#endif
