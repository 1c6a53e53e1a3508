// The layout in which the CPU primitives read quantised weights best: the same bytes in another order.
//
// A panel is 16 outputs (rows of W [n, k]). Packed, it is for each 32-bit word of a row the 16 rows' words side by side:
// [n / 16, k · bits / 32, 16] words. Scales and biases likewise: [n / 16, k / group, 16]. A vector load then holds the
// same place of 16 rows, a weight is read front to back by one stream, and a step of a panel's product needs one number
// of x.
#pragma once

#include "cpu/kernels.h"

namespace vllmd::cpu {

// Whether such a weight can lie in panels; else it stays as it is.
inline bool fits_panels(int n, int k, int group) { return n % kPanel == 0 && k % group == 0 && group <= 128; }

// Reorders in place. scales and biases have elements of 2 or 4 bytes.
void to_panels(void* values, void* scales, void* biases, int n, int k, int group, int bits, int real_bytes);

}  // namespace vllmd::cpu
