#include "pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "mlx/backend/cpu/encoder.h"
#include "mlx/transforms.h"

namespace vllmd {

namespace {

#if defined(MAP_NORESERVE)
constexpr int kReserve = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
#else
constexpr int kReserve = MAP_PRIVATE | MAP_ANONYMOUS;
#endif

char* reserve(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kReserve, -1, 0);
  require(memory != MAP_FAILED, "no address space for ", bytes, " bytes of keys or values: ", std::strerror(errno));
  return static_cast<char*>(memory);
}

// Whole memory pages inside [from, from + bytes) become fresh ones. Neighbours that share a memory page with it keep it.
void renew(char* from, size_t bytes) {
  auto unit = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  auto begin = (reinterpret_cast<uintptr_t>(from) + unit - 1) / unit * unit;
  auto end = (reinterpret_cast<uintptr_t>(from) + bytes) / unit * unit;
  if (begin >= end) {
    return;
  }
  auto* at = reinterpret_cast<void*>(begin);
#if defined(__linux__)
  madvise(at, end - begin, MADV_DONTNEED);
#else
  // Elsewhere MADV_DONTNEED is a hint that may leave the memory in place. A failure leaves the old mapping.
  mmap(at, end - begin, PROT_READ | PROT_WRITE, kReserve | MAP_FIXED, -1, 0);
#endif
}

}  // namespace

HostPages::HostPages(PageShape shape, int most)
    : shape(shape), size_(most * shape.bytes()), keys_(reserve(size_)), values_(nullptr) {
  try {
    values_ = reserve(size_);
  } catch (...) {
    munmap(keys_, size_);
    throw;
  }
}

HostPages::~HostPages() {
  munmap(keys_, size_);
  munmap(values_, size_);
}

void HostPages::trim(int page) {
  renew(keys(page), shape.bytes());
  renew(values(page), shape.bytes());
}

namespace {

void check_page(const Pages& pages, int page) {
  require(page >= 0 && page < pages.count, "page ", page, " of ", pages.count);
}

}  // namespace
}  // namespace vllmd

using namespace vllmd;

int vm_kv_new(vm_kv* out, int32_t pages, int32_t most, int32_t kv_heads, int32_t head_dim, int32_t dtype,
              int32_t bits, vm_stream s) {
  return guarded("kv_new", [&] {
    require(pages >= 0 && most > 0 && pages <= most, pages, " pages of at most ", most);
    require(kv_heads > 0 && head_dim > 0, kv_heads, " kv heads of ", head_dim);
    require(bits == 0, "bits is ", bits, ", allowed is 0");
    auto stream = stream_of(s);
    PageShape shape{kv_heads, head_dim, bits, dtype_of(dtype)};
    require(stream.device == mx::Device::cpu, "pages of keys and values need a CPU stream");
    require(shape.dtype == mx::float32, "keys and values are float32 on a CPU stream");
    require(static_cast<size_t>(most) <= SIZE_MAX / 4 / shape.bytes(), most, " pages are too many");
    *out = reinterpret_cast<vm_kv>(
        new Pages{shape, pages, most, stream, std::make_shared<HostPages>(shape, most)});
  });
}

int vm_kv_free(const vm_kv* layers, int32_t n) {
  return guarded("kv_free", [&] {
    for (int32_t i = 0; i < n; i++) {
      delete reinterpret_cast<Pages*>(layers[i]);
    }
  });
}

int vm_kv_grow(vm_kv kv, int32_t pages, vm_stream) {
  return guarded("kv_grow", [&] {
    auto& all = pages_of(kv);
    require(pages >= all.count && pages <= all.most, "cannot grow from ", all.count, " to ", pages, " of at most ",
            all.most, " pages");
    all.count = pages;
  });
}

int vm_kv_page_bytes(vm_kv kv, uint64_t* out) {
  return guarded("kv_page_bytes", [&] { *out = 2 * pages_of(kv).shape.bytes(); });
}

int vm_kv_trim(vm_kv kv, const int32_t* pages, int32_t n) {
  return guarded("kv_trim", [&] {
    auto& all = pages_of(kv);
    for (int32_t i = 0; i < n; i++) {
      check_page(all, pages[i]);
    }
    // Behind what was sent: a step in flight may read and write these pages still.
    mx::cpu::get_command_encoder(all.stream).dispatch([host = all.host, given = std::vector<int32_t>(pages, pages + n)] {
      for (int page : given) {
        host->trim(page);
      }
    });
  });
}

int vm_kv_read(vm_kv kv, int32_t page, void* to) {
  return guarded("kv_read", [&] {
    auto& all = pages_of(kv);
    check_page(all, page);
    mx::synchronize(all.stream);
    std::memcpy(to, all.host->keys(page), all.shape.bytes());
    std::memcpy(static_cast<char*>(to) + all.shape.bytes(), all.host->values(page), all.shape.bytes());
  });
}

int vm_kv_write(vm_kv kv, int32_t page, const void* from) {
  return guarded("kv_write", [&] {
    auto& all = pages_of(kv);
    check_page(all, page);
    mx::synchronize(all.stream);
    std::memcpy(all.host->keys(page), from, all.shape.bytes());
    std::memcpy(all.host->values(page), static_cast<const char*>(from) + all.shape.bytes(), all.shape.bytes());
  });
}
