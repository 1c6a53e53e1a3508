// The part of MLX's CUDA backend that this library calls. Declared here, because MLX's own header wants CUDA's, which a
// machine that only builds lacks; and weakly, because only libmlx of the CUDA wheel has it. Must be what
// mlx/backend/cuda/{device,allocator}.h of the pinned release say.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mlx/array.h"
#include "mlx/stream.h"

#if defined(__linux__)
#define VLLMD_WEAK __attribute__((weak))
#else
#define VLLMD_WEAK
#endif

struct CUfunc_st;
struct dim3 {
  unsigned int x, y, z;
};

namespace mlx::core::cu {

// What a Buffer of the CUDA backend points to. device -1: memory that the host may touch too.
struct CudaBuffer {
  void* data;
  size_t size;
  int device;
};

class CommandEncoder {
 public:
  VLLMD_WEAK void set_input_array(const array& a);
  VLLMD_WEAK void set_output_array(const array& a);
  VLLMD_WEAK void add_kernel_node_raw(CUfunc_st* function, dim3 grid, dim3 block, dim3 cluster, uint32_t shared_bytes,
                                      void** parameters);
};

VLLMD_WEAK CommandEncoder& get_command_encoder(Stream s);

}  // namespace mlx::core::cu
