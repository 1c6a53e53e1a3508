// What the machine is, and what has to be said before MLX looks at it.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <variant>

#if defined(__APPLE__)
#include <sys/sysctl.h>
#else
#include <unistd.h>
#endif

#include "gpu/cuda_device.h"
#include "gpu/fused_attention.h"
#include "handles.h"
#include "mlx/backend/gpu/device_info.h"

namespace vllmd {
namespace {

struct Described {
  std::string name;
  std::string architecture;
  uint64_t memory = 0;
};

Described of_machine() {
  Described d;
#if defined(__APPLE__)
  char brand[256] = "";
  size_t length = sizeof brand - 1;
  sysctlbyname("machdep.cpu.brand_string", brand, &length, nullptr, 0);
  d.name = brand;
  length = sizeof d.memory;
  sysctlbyname("hw.memsize", &d.memory, &length, nullptr, 0);
#else
  d.name = "CPU";
  d.memory = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
#endif
  return d;
}

Described of_gpu() {
#if defined(__APPLE__)
  // Not asked of MLX: its Metal device reads the environment once, when it is made, and this is asked to decide about
  // the environment. Processor and GPU are one chip with one memory.
  return of_machine();
#else
  Described d;
  auto& info = mx::gpu::device_info(0);
  auto text = [&](const char* key) {
    auto found = info.find(key);
    return found == info.end() ? std::string() : std::get<std::string>(found->second);
  };
  d.name = text("device_name");
  d.architecture = text("architecture");
  auto memory = info.find("total_memory");
  d.memory = memory == info.end() ? 0 : std::get<size_t>(memory->second);
  return d;
#endif
}

void put(const std::string& from, char* to, int32_t size) {
  require(size > 0, "no room for a name");
  auto length = std::min(from.size(), static_cast<size_t>(size) - 1);
  std::memcpy(to, from.data(), length);
  to[length] = '\0';
}

}  // namespace
}  // namespace vllmd

using namespace vllmd;

int vm_device_info(int32_t device, char* name, int32_t name_size, char* architecture, int32_t architecture_size,
                   uint64_t* memory) {
  return guarded("device_info", [&] {
    require(device == VM_CPU || device == VM_GPU, "unknown device ", device);
    auto d = device == VM_CPU ? of_machine() : mx::gpu::is_available() ? of_gpu() : Described{};
    put(d.name, name, name_size);
    put(d.architecture, architecture, architecture_size);
    *memory = d.memory;
  });
}

int vm_environment(const char* name, const char* value) {
  return guarded("environment", [&] {
    require(setenv(name, value, 0) == 0, name, " cannot be set to ", value);
  });
}

int vm_row_independent(int32_t on) {
  return guarded("row_independent", [&] { gpu::set_row_independent(on != 0); });
}

int vm_fused_attention_from(int32_t keys) {
  return guarded("fused_attention_from", [&] {
    require(keys >= 0, "fused attention from ", keys, " keys on");
    gpu::set_fused_attention_from(keys);
  });
}
