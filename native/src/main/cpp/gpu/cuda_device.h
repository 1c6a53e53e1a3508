// What this library asks about the CUDA device, and the mode that all its kernels share.
#pragma once

#include "gpu/cuda_driver.h"

namespace vllmd::gpu {

// Whether kernels become CUDA's. A test says so without a device, to have every kernel's program for its compiler.
inline bool pretend_cuda = false;
inline bool on_cuda() { return pretend_cuda || cuda::available(); }

// Whether there is a CUDA device with matrix units for bfloat16 (Ampere and later).
bool has_matrix_units();

// Set by vm_row_independent: a row's result must not depend on how many rows there are.
bool row_independent();
void set_row_independent(bool on);

}  // namespace vllmd::gpu
