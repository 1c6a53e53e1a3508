// The CUDA driver and its run-time compiler, found while the program runs: nothing of CUDA is needed to build or start.
#pragma once

#include <cstddef>
#include <string>

struct CUfunc_st;
struct CUstream_st;

namespace vllmd::gpu::cuda {

// Whether MLX computes on a CUDA device in this process. Asked once.
bool available();

// Memory of the device, and of the host in a place that the device reads and writes. Both throw where there is none.
void* allocate_device(size_t bytes);
void free_device(void* memory);
void free_managed(void* memory);
void* allocate_host(size_t bytes);
void free_host(void* memory);
// Waits for nothing: the work that writes `from`, or reads `to`, must be done.
void copy_to_host(void* to, const void* from, size_t bytes);
void copy_to_device(void* to, const void* from, size_t bytes);

// Compiles CUDA C++ for the device and finds `function` in it. A program compiled before lies in the folder that
// MLX_PTX_CACHE_DIR names, if it is set. Throws std::runtime_error with the compiler's words.
CUfunc_st* compile(const std::string& source, const std::string& function);

// The compiler alone, for an architecture such as "sm_90": needs no device. Answers the machine code.
std::string compile_for(const std::string& architecture, const std::string& source);

}  // namespace vllmd::gpu::cuda
