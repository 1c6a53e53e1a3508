// Memory for what this library's CUDA kernels write. MLX's own allocator gives device memory to its backend alone; what
// anybody else gets is managed memory, which moves page by page between host and device.
#pragma once

#include <cstdint>

#include "mlx/allocator.h"
#include "mlx/array.h"

namespace vllmd::gpu {

namespace mx = mlx::core;

// As MLX's buffers: what is freed is kept and given out again at once, which is right because MLX holds an array until
// the work that uses it is done.
mx::allocator::Data device_data(size_t bytes);

// In the host's memory, which the device reaches over the bus: for what a kernel writes and the host reads at every step.
mx::allocator::Data host_data(size_t bytes);

// The other way: an evaluated array in the host's memory, for the caller to fill before the first use.
mx::array host_array(mx::Shape shape, mx::Dtype dtype);

// The address that a kernel takes; the array stays where it is.
void* device_address(const mx::array& a);

struct MemoryUse {
  uint64_t active;
  uint64_t cached;
};
MemoryUse memory_use();
void clear_memory_cache();

}  // namespace vllmd::gpu
