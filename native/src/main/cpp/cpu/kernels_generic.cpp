// Kernels for any processor: the compiler's vectors, as wide as the target's baseline makes them.
#include "cpu/kernels.h"

namespace vllmd::cpu {
namespace {

#include "cpu/vector_portable.h"

using V = Portable;

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

const Kernels* generic_kernels() {
  static constexpr Kernels table = kernel_table("generic");
  return &table;
}

}  // namespace vllmd::cpu
