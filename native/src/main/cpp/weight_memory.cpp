#include "weight_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>

#include "error.h"
#include "mlx/allocator.h"

namespace vllmd {

namespace {

constexpr size_t kLargePage = 2 << 20;
constexpr size_t kSlab = 64 << 20;
constexpr size_t kLine = 64;
// MLX's allocator for CPUs keeps a buffer's size in front of its data and knows it by the address of that.
constexpr size_t kHeader = sizeof(size_t);

std::atomic<uint64_t> alive{0};

#if defined(MAP_NORESERVE)
constexpr int kReserve = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
#else
constexpr int kReserve = MAP_PRIVATE | MAP_ANONYMOUS;
#endif

size_t up_to(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Address space for some arrays; what nobody touched takes no memory.
class Slab {
 public:
  explicit Slab(size_t bytes) : size_(up_to(bytes, kLargePage) + kLargePage) {
    memory_ = static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, kReserve, -1, 0));
    require(memory_ != MAP_FAILED, "no memory for ", bytes, " bytes of weights: ", std::strerror(errno));
    next_ = up_to(reinterpret_cast<uintptr_t>(memory_), kLargePage);
    end_ = reinterpret_cast<uintptr_t>(memory_) + size_;
#if defined(MADV_HUGEPAGE)
    madvise(reinterpret_cast<void*>(next_), end_ - next_, MADV_HUGEPAGE);  // a hint, and a system may lack them
#endif
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() { munmap(memory_, size_); }

  // Memory at a cache line, with room for the header in front; null where it does not fit.
  char* take(size_t bytes) {
    uintptr_t at = up_to(next_ + kHeader, kLine);
    if (at + bytes > end_) {
      return nullptr;
    }
    next_ = at + bytes;
    return reinterpret_cast<char*>(at);
  }

  static void give_back(char* from, size_t bytes) {
#if defined(__linux__)
    auto unit = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    uintptr_t begin = up_to(reinterpret_cast<uintptr_t>(from), unit), end = reinterpret_cast<uintptr_t>(from) + bytes;
    end = end / unit * unit;
    if (begin < end) {
      madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
#endif
  }

 private:
  char* memory_;
  size_t size_;
  uintptr_t next_, end_;
};

// The slab that is being filled; it lives on in its arrays.
std::mutex filling;
std::weak_ptr<Slab> current;

}  // namespace

bool has_weight_memory() {
  static const bool plain = [] {
    auto probe = mx::allocator::malloc(kLine);
    auto buffer = probe.buffer();
    return static_cast<char*>(buffer.raw_ptr()) == static_cast<char*>(buffer.ptr()) + kHeader;
  }();
  return plain;
}

mx::array weight_array(mx::Shape shape, mx::Dtype dtype) {
  mx::array a(std::move(shape), dtype, nullptr, {});
  size_t bytes = a.nbytes();
  std::shared_ptr<Slab> slab;
  char* data = nullptr;
  {
    std::lock_guard lock(filling);
    slab = current.lock();
    data = slab ? slab->take(bytes) : nullptr;
    if (data == nullptr) {
      slab = std::make_shared<Slab>(std::max(kSlab, bytes + kLine));
      data = slab->take(bytes);
      current = slab;
    }
  }
  std::memcpy(data - kHeader, &bytes, kHeader);
  alive.fetch_add(bytes, std::memory_order_relaxed);
  auto free = [slab, bytes](mx::allocator::Buffer buffer) {
    Slab::give_back(static_cast<char*>(buffer.raw_ptr()), bytes);
    alive.fetch_sub(bytes, std::memory_order_relaxed);
  };
  a.set_data(mx::allocator::Data(mx::allocator::Buffer(data - kHeader), std::move(free)));
  a.set_status(mx::array::available);
  return a;
}

uint64_t weight_memory_bytes() { return alive.load(std::memory_order_relaxed); }

}  // namespace vllmd
