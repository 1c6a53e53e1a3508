// Memory for a model's weights on a CPU device: large pages where the system has them.
//
// A step reads every weight once. With pages of 4 KB the processor walks the page table 150,000 times for 600 MB, and its
// own reading ahead ends at each page's end: 27 GB/s instead of 31 where this was measured. Arrays of a few MB, each
// allocated alone, seldom hold a whole large page, so weights lie one behind the other in slabs.
#pragma once

#include <cstdint>

#include "mlx/array.h"

namespace vllmd {

namespace mx = mlx::core;

// An evaluated, uninitialised array in a slab; it starts at a cache line. The memory goes back to the system with it.
mx::array weight_array(mx::Shape shape, mx::Dtype dtype);

// Whether weight_array can be used: MLX's allocator is its plain one for CPUs.
bool has_weight_memory();

// Bytes of such arrays alive; MLX does not count them.
uint64_t weight_memory_bytes();

}  // namespace vllmd
