// The library itself: version, devices, streams, memory.
#include <cstdlib>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "gpu/device_memory.h"
#include "handles.h"
#include "mlx/memory.h"
#include "mlx/version.h"
#include "weight_memory.h"

namespace vllmd {

mx::Device device_of(int32_t device) {
  require(device == VM_CPU || device == VM_GPU, "unknown device ", device);
  return device == VM_CPU ? mx::Device::cpu : mx::Device::gpu;
}

mx::Stream stream_of(vm_stream handle) {
  return handle == 0 ? mx::default_stream(mx::default_device()) : *reinterpret_cast<mx::Stream*>(handle);
}

}  // namespace vllmd

using namespace vllmd;

int32_t vm_abi() { return VM_ABI; }

const char* vm_mlx_version() { return mx::version(); }

int vm_device_available(int32_t device, int32_t* out) {
  return guarded("device_available", [&] { *out = mx::is_available(device_of(device)) ? 1 : 0; });
}

int vm_set_default_device(int32_t device) {
  return guarded("set_default_device", [&] {
    auto chosen = device_of(device);
    require(mx::is_available(chosen), "this MLX has no ", device == VM_CPU ? "CPU" : "GPU", " device");
    mx::set_default_device(chosen);
  });
}

// MLX keeps a stream for as long as its thread lives, so the handle is never freed either.
int vm_stream_new(int32_t device, vm_stream* out) {
  return guarded("stream_new", [&] {
    *out = reinterpret_cast<vm_stream>(new mx::Stream(mx::new_stream(device_of(device))));
  });
}

int vm_synchronize(vm_stream stream) {
  return guarded("synchronize", [&] { mx::synchronize(stream_of(stream)); });
}

int vm_memory(uint64_t* active, uint64_t* cached, uint64_t* peak) {
  return guarded("memory", [&] {
    auto own = gpu::memory_use();
    uint64_t more = own.active + weight_memory_bytes();
    *active = mx::get_active_memory() + more;
    *cached = mx::get_cache_memory() + own.cached;
    *peak = mx::get_peak_memory() + more;
  });
}

int vm_memory_reset_peak() {
  return guarded("memory_reset_peak", [] { mx::reset_peak_memory(); });
}

int vm_memory_clear_cache() {
  return guarded("memory_clear_cache", [] {
    mx::clear_cache();
    gpu::clear_memory_cache();
#if defined(__GLIBC__)
    // glibc keeps most of what MLX's CPU allocator frees: of a model of 600 MB with its KV cache, 600 MB stayed resident
    // after both were gone.
    malloc_trim(0);
#endif
  });
}

int vm_memory_cache_limit(uint64_t bytes) {
  return guarded("memory_cache_limit", [&] { mx::set_cache_limit(bytes); });
}
