// How a page of keys or values is cut; no MLX here, for the kernels.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vllmd {

// Positions of a page, VM_PAGE.
constexpr int kPage = 64;

// Values along head_dim that share a scale and a bias where keys and values are quantised.
constexpr int kPageGroup = 32;

// The keys, or the values, of one kv head in one page, as HostPages keeps them: values, then float16 scales, then
// float16 biases. The positions of keys lie side by side ([head_dim][64], scales [head_dim/32][64]), for one query's
// products with 64 keys are then sums down the columns; values lie as they came ([64][head_dim], scales
// [64][head_dim/32]). Codes of 4 bits are in pairs along head_dim, the even one in the low bits.
struct BlockLayout {
  int head_dim;
  int bits;  // 0 = float32

  int groups() const { return bits == 0 ? 0 : head_dim / kPageGroup; }
  size_t value_bytes() const {
    return kPage * (bits == 0 ? sizeof(float) * head_dim : static_cast<size_t>(head_dim) * bits / 8);
  }
  size_t scale_bytes() const { return sizeof(uint16_t) * kPage * groups(); }
  size_t bytes() const { return value_bytes() + 2 * scale_bytes(); }
};

}  // namespace vllmd
