#include "gpu/device_memory.h"

#include <bit>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "gpu/cuda_driver.h"
#include "gpu/mlx_cuda.h"

namespace vllmd::gpu {

namespace {

using mx::cu::CudaBuffer;

constexpr size_t kLeast = 512;
// More than a prefill's temporaries of one layer, and small beside any card.
constexpr uint64_t kMostCached = 1ull << 30;

// Powers of two in eight steps each: little waste, and few sizes.
size_t rounded(size_t bytes) {
  if (bytes <= kLeast) {
    return kLeast;
  }
  size_t step = std::bit_floor(bytes - 1) / 8;
  return (bytes + step - 1) / step * step;
}

class Pool {
 public:
  explicit Pool(bool host) : host_(host) {}

  CudaBuffer* take(size_t bytes) {
    size_t size = rounded(bytes);
    {
      std::lock_guard lock(mutex_);
      use_.active += size;
      auto& kept = free_[size];
      if (!kept.empty()) {
        auto* buffer = kept.back();
        kept.pop_back();
        use_.cached -= size;
        return buffer;
      }
    }
    void* memory = host_ ? cuda::allocate_host(size) : cuda::allocate_device(size);
    return new CudaBuffer{memory, size, host_ ? -1 : 0};
  }

  void give_back(CudaBuffer* buffer) {
    size_t size = buffer->size;
    bool moved = was_moved(buffer);
    {
      std::lock_guard lock(mutex_);
      use_.active -= size;
      if (!moved && use_.cached + size <= kMostCached) {
        use_.cached += size;
        free_[size].push_back(buffer);
        return;
      }
    }
    release(buffer);
  }

  void clear() {
    std::unordered_map<size_t, std::vector<CudaBuffer*>> all;
    {
      std::lock_guard lock(mutex_);
      all.swap(free_);
      use_.cached = 0;
    }
    for (auto& [size, buffers] : all) {
      for (auto* buffer : buffers) {
        release(buffer);
      }
    }
  }

  MemoryUse use() {
    std::lock_guard lock(mutex_);
    return use_;
  }

 private:
  // MLX takes a buffer to managed memory when the host asks for it.
  bool was_moved(const CudaBuffer* buffer) const { return !host_ && buffer->device < 0; }

  void release(CudaBuffer* buffer) {
    if (host_) {
      cuda::free_host(buffer->data);
    } else if (was_moved(buffer)) {
      cuda::free_managed(buffer->data);
    } else {
      cuda::free_device(buffer->data);
    }
    delete buffer;
  }

  const bool host_;
  std::mutex mutex_;
  std::unordered_map<size_t, std::vector<CudaBuffer*>> free_;
  MemoryUse use_{0, 0};
};

// Never destroyed: arrays may outlive every static.
Pool& device_pool() {
  static auto* pool = new Pool(false);
  return *pool;
}
// What kernels write and what the host writes apart: the write of a kernel whose result nobody waited for must not reach
// what the host has put into the same place meanwhile.
Pool& output_pool() {
  static auto* pool = new Pool(true);
  return *pool;
}
Pool& input_pool() {
  static auto* pool = new Pool(true);
  return *pool;
}

mx::allocator::Data data_of(Pool& pool, size_t bytes) {
  auto* buffer = pool.take(bytes);
  return mx::allocator::Data(mx::allocator::Buffer(buffer),
                             [&pool](mx::allocator::Buffer b) { pool.give_back(static_cast<CudaBuffer*>(b.ptr())); });
}

}  // namespace

mx::allocator::Data device_data(size_t bytes) { return data_of(device_pool(), bytes); }

mx::allocator::Data host_data(size_t bytes) { return data_of(output_pool(), bytes); }

mx::array host_array(mx::Shape shape, mx::Dtype dtype) {
  size_t elements = 1;
  for (auto d : shape) {
    elements *= static_cast<size_t>(d);
  }
  return mx::array(data_of(input_pool(), elements * dtype.size()), std::move(shape), dtype);
}

void* device_address(const mx::array& a) {
  auto buffer = a.buffer();
  return static_cast<char*>(static_cast<CudaBuffer*>(buffer.ptr())->data) + a.offset();
}

MemoryUse memory_use() {
  if (!cuda::available()) {
    return {0, 0};
  }
  auto device = device_pool().use(), in = input_pool().use(), out = output_pool().use();
  return {device.active + in.active + out.active, device.cached + in.cached + out.cached};
}

void clear_memory_cache() {
  if (cuda::available()) {
    device_pool().clear();
    input_pool().clear();
    output_pool().clear();
  }
}

}  // namespace vllmd::gpu
