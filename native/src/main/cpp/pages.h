// Keys and values of one attention layer in pages of 64 positions.
#pragma once

#include <memory>
#include <optional>

#include "handles.h"
#include "mlx/array.h"
#include "mlx/stream.h"
#include "step.h"

namespace vllmd {

struct PageShape {
  int kv_heads;
  int head_dim;
  int bits;  // 0 = values of dtype
  mx::Dtype dtype;

  // Bytes of the keys, or of the values, of one page.
  size_t bytes() const { return static_cast<size_t>(kv_heads) * kPage * head_dim * dtype.size(); }
};

// Pages in this process's memory, [page][kv_head][position][head_dim] for keys and for values: address space for all
// that may come, which takes memory where it was written. Shared with the operations that read and write it.
class HostPages {
 public:
  HostPages(PageShape shape, int most);
  ~HostPages();
  HostPages(const HostPages&) = delete;
  HostPages& operator=(const HostPages&) = delete;

  // First byte of a page.
  char* keys(int page) const { return keys_ + page * shape.bytes(); }
  char* values(int page) const { return values_ + page * shape.bytes(); }

  // Gives the memory back; what is read there next is 0.
  void trim(int page);

  const PageShape shape;

 private:
  size_t size_;
  char* keys_;
  char* values_;
};

struct Pages {
  PageShape shape;
  int count;
  int most;
  mx::Stream stream;  // the one it was made for; work in flight is waited for there
  std::shared_ptr<HostPages> host;
};

inline Pages& pages_of(vm_kv handle) {
  require(handle != 0, "kv handle is 0");
  return *reinterpret_cast<Pages*>(handle);
}

}  // namespace vllmd
