// Keys and values of one attention layer in pages of 64 positions.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "handles.h"
#include "mlx/array.h"
#include "mlx/stream.h"
#include "step.h"

namespace vllmd {

// How a layer's keys and values are kept. With bits 8 or 4, a group of 32 values along head_dim is codes of that many
// bits, the lowest bits first, and a float16 scale and bias: value = code · scale + bias, where
// bias = float16(min - |min|/2048), scale = float16((max - bias) / (2^bits - 1) · (1 + 1/2048)): rounded so that the
// codes reach both ends. Float32 scales would take 11 to 20 % more memory for 0.1 to 2.5 % less error (measured over
// normal values, such with an offset of 20, and such with one of 30 among them).
struct PageFormat {
  int kv_heads;
  int head_dim;
  int bits;  // 0 = values of dtype
  mx::Dtype dtype;

  int groups() const { return bits == 0 ? 0 : head_dim / kPageGroup; }
  // Bytes of one position's values of one kv head, and of its scales; its biases take as many.
  size_t value_bytes() const {
    return bits == 0 ? head_dim * dtype.size() : static_cast<size_t>(head_dim) * bits / 8;
  }
  size_t scale_bytes() const { return groups() * sizeof(uint16_t); }
  // Of the keys, or of the values, of one page.
  size_t page_bytes() const { return kv_heads * kPage * (value_bytes() + 2 * scale_bytes()); }
};

// Pages in this process's memory, for the CPU primitives: address space for all that may come, which takes memory where
// it was written. A page is a block per kv head, see BlockLayout. Shared with the operations that read and write it.
class HostPages {
 public:
  HostPages(PageFormat format, int most);
  ~HostPages();
  HostPages(const HostPages&) = delete;
  HostPages& operator=(const HostPages&) = delete;

  char* keys(int page, int kv_head) const { return keys_ + at(page, kv_head); }
  char* values(int page, int kv_head) const { return values_ + at(page, kv_head); }

  // Gives the memory back; what is read there next is 0.
  void trim(int page);

  const PageFormat format;
  const BlockLayout block;

 private:
  size_t at(int page, int kv_head) const { return (static_cast<size_t>(page) * format.kv_heads + kv_head) * block.bytes(); }

  size_t size_;
  char* keys_;
  char* values_;
};

// Keys or values in arrays, [pages, kv_heads, 64, …].
struct PagePart {
  mx::array values;                 // [… head_dim] of the dtype, or uint32 [… head_dim·bits/32]
  std::optional<mx::array> scales;  // float16 [… head_dim/32]
  std::optional<mx::array> biases;
};

// Pages in arrays, for MLX's operations and for kernels on a GPU. MLX's operations replace the arrays by updated ones,
// which take over the memory where nothing else holds it; kernels of our own write into them and replace nothing.
struct DevicePages {
  PagePart keys;
  PagePart values;
};

struct Pages {
  PageFormat format;
  int count;
  int most;
  mx::Stream stream;  // the one it was made for; work in flight is waited for there
  // One of the two.
  std::shared_ptr<HostPages> host;
  std::optional<DevicePages> device;
};

inline Pages& pages_of(vm_kv handle) {
  require(handle != 0, "kv handle is 0");
  return *reinterpret_cast<Pages*>(handle);
}

}  // namespace vllmd
