// Reserved address space for pages, and giving parts of it back.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pages.h"

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

HostPages::HostPages(PageFormat format, int most)
    : format(format),
      block{format.head_dim, format.bits},
      size_(most * format.page_bytes()),
      keys_(reserve(size_)),
      values_(nullptr) {
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
  renew(keys(page, 0), format.page_bytes());
  renew(values(page, 0), format.page_bytes());
}

}  // namespace vllmd
