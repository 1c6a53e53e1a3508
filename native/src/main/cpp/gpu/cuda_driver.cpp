#include "gpu/cuda_driver.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <variant>
#include <vector>

#include "gpu/mlx_cuda.h"
#include "mlx/backend/gpu/device_info.h"

namespace vllmd::gpu::cuda {

namespace {

[[maybe_unused]] void* open(const char* name) {
  if (void* library = dlopen(name, RTLD_NOW | RTLD_NOLOAD)) {
    return library;
  }
  if (void* library = dlopen(name, RTLD_NOW)) {
    return library;
  }
  throw std::runtime_error(std::string(name) + " cannot be loaded: " + dlerror());
}

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) {
    throw std::runtime_error(std::string("the CUDA library lacks ") + name);
  }
}

// Names and types as in cuda.h of CUDA 13. A CUdeviceptr is a pointer to the device's memory.
struct Driver {
  int (*get_error_string)(int, const char**);
  int (*device_get)(int*, int);
  int (*primary_context)(void**, int);
  int (*context_current)(void**);
  int (*context_set)(void*);
  int (*module_load)(void**, const void*);
  int (*module_function)(CUfunc_st**, void*, const char*);
  int (*allocate_async)(void**, size_t, CUstream_st*);
  int (*free_async)(void*, CUstream_st*);
  int (*free_any)(void*);
  int (*allocate_host)(void**, size_t, unsigned);
  int (*free_host)(void*);
  int (*synchronize)(CUstream_st*);
  int (*to_host)(void*, const void*, size_t);
  int (*to_device)(void*, const void*, size_t);

  Driver() {
    void* library = open("libcuda.so.1");
    find(library, "cuGetErrorString", get_error_string);
    find(library, "cuDeviceGet", device_get);
    find(library, "cuDevicePrimaryCtxRetain", primary_context);
    find(library, "cuCtxGetCurrent", context_current);
    find(library, "cuCtxSetCurrent", context_set);
    find(library, "cuModuleLoadData", module_load);
    find(library, "cuModuleGetFunction", module_function);
    find(library, "cuMemAllocAsync", allocate_async);
    find(library, "cuMemFreeAsync", free_async);
    find(library, "cuMemFree_v2", free_any);
    find(library, "cuMemHostAlloc", allocate_host);
    find(library, "cuMemFreeHost", free_host);
    find(library, "cuStreamSynchronize", synchronize);
    find(library, "cuMemcpyDtoH_v2", to_host);
    find(library, "cuMemcpyHtoD_v2", to_device);
  }

  void check(int result, const char* what) const {
    if (result != 0) {
      const char* text = nullptr;
      get_error_string(result, &text);
      throw std::runtime_error(std::string("CUDA cannot ") + what + ": " + (text ? text : std::to_string(result)));
    }
  }

  // The thread's context is MLX's, or becomes it.
  void enter() const {
    void* context = nullptr;
    check(context_current(&context), "tell its context");
    if (context == nullptr) {
      int device = 0;
      check(device_get(&device, 0), "find the device");
      check(primary_context(&context, device), "open the device");
      check(context_set(context), "enter its context");
    }
  }
};

const Driver& driver() {
  static const Driver* driver = new Driver();
  driver->enter();
  return *driver;
}

struct Compiler {
  const char* (*error_string)(int);
  int (*create)(void**, const char*, const char*, int, const char* const*, const char* const*);
  int (*destroy)(void**);
  int (*compile)(void*, int, const char* const*);
  int (*log_size)(void*, size_t*);
  int (*log)(void*, char*);
  int (*code_size)(void*, size_t*);
  int (*code)(void*, char*);

  Compiler() {
    void* library = open("libnvrtc.so.13");
    find(library, "nvrtcGetErrorString", error_string);
    find(library, "nvrtcCreateProgram", create);
    find(library, "nvrtcDestroyProgram", destroy);
    find(library, "nvrtcCompileProgram", compile);
    find(library, "nvrtcGetProgramLogSize", log_size);
    find(library, "nvrtcGetProgramLog", log);
    find(library, "nvrtcGetCUBINSize", code_size);
    find(library, "nvrtcGetCUBIN", code);
  }

  void check(int result, const char* what) const {
    if (result != 0) {
      throw std::runtime_error(std::string("CUDA's compiler cannot ") + what + ": " + error_string(result));
    }
  }
};

uint64_t digest(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char c : text) {
    hash = (hash ^ c) * 0x100000001b3u;
  }
  return hash;
}

const std::string& architecture() {
  static const std::string* name = [] {
    auto& info = mlx::core::gpu::device_info(0);
    auto found = info.find("architecture");
    return new std::string(found == info.end() ? "sm_80" : std::get<std::string>(found->second));
  }();
  return *name;
}

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return in.good() ? text.str() : "";
}

// Whole or not at all, whatever else writes there.
void write(const std::filesystem::path& file, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  auto part = file;
  part += "." + std::to_string(getpid());
  std::ofstream out(part, std::ios::binary);
  out << text;
  out.close();
  if (out.good()) {
    std::filesystem::rename(part, file, error);
  }
}

}  // namespace

bool available() {
#if defined(__linux__)
  static const bool there = &mlx::core::cu::get_command_encoder != nullptr && mlx::core::gpu::is_available();
  return there;
#else
  return false;
#endif
}

void* allocate_device(size_t bytes) {
  auto& d = driver();
  void* memory = nullptr;
  // From the driver's pool, because MLX gives it back there when the host asks for the array. The default stream orders
  // nothing for MLX's, so it is waited for; the pool above this one makes that rare.
  d.check(d.allocate_async(&memory, bytes, nullptr), "allocate memory");
  d.check(d.synchronize(nullptr), "allocate memory");
  return memory;
}

void free_device(void* memory) { driver().free_async(memory, nullptr); }

void free_managed(void* memory) { driver().free_any(memory); }

void* allocate_host(size_t bytes) {
  auto& d = driver();
  void* memory = nullptr;
  d.check(d.allocate_host(&memory, bytes, 0), "allocate memory of the host");
  return memory;
}

void free_host(void* memory) { driver().free_host(memory); }

void copy_to_host(void* to, const void* from, size_t bytes) {
  driver().check(driver().to_host(to, from, bytes), "copy to the host");
}

void copy_to_device(void* to, const void* from, size_t bytes) {
  driver().check(driver().to_device(to, from, bytes), "copy to the device");
}

std::string compile_for(const std::string& architecture, const std::string& source) {
  static const Compiler* compiler = new Compiler();
  void* program = nullptr;
  compiler->check(compiler->create(&program, source.c_str(), "vllmd.cu", 0, nullptr, nullptr), "take a program");
  std::string target = "--gpu-architecture=" + architecture;
  // Sums and products join only where the text says so: two variants of one kernel must not round differently.
  const char* options[] = {target.c_str(), "--std=c++17", "--fmad=false"};
  int result = compiler->compile(program, 3, options);
  if (result != 0) {
    size_t size = 0;
    compiler->log_size(program, &size);
    std::string log(size, '\0');
    compiler->log(program, log.data());
    compiler->destroy(&program);
    throw std::runtime_error("a kernel does not compile for " + architecture + ": " + log.c_str());
  }
  size_t size = 0;
  compiler->check(compiler->code_size(program, &size), "give its code");
  std::string code(size, '\0');
  compiler->check(compiler->code(program, code.data()), "give its code");
  compiler->destroy(&program);
  return code;
}

CUfunc_st* compile(const std::string& source, const std::string& function) {
  auto& d = driver();
  std::string code;
  std::filesystem::path file;
  if (const char* folder = std::getenv("MLX_PTX_CACHE_DIR"); folder != nullptr && *folder != '\0') {
    char name[64];
    std::snprintf(name, sizeof name, "-%016llx.cubin",
                  static_cast<unsigned long long>(digest(architecture() + source)));
    file = std::filesystem::path(folder) / ("vllmd-" + function + name);
    code = read(file);
  }
  bool fresh = code.empty();
  if (fresh) {
    code = compile_for(architecture(), source);
  }
  void* module = nullptr;
  CUfunc_st* found = nullptr;
  int result = d.module_load(&module, code.data());
  if (result != 0 && !fresh) {
    // A damaged file, or one of another driver.
    code = compile_for(architecture(), source);
    fresh = true;
    result = d.module_load(&module, code.data());
  }
  d.check(result, "load a kernel");
  d.check(d.module_function(&found, module, function.c_str()), "find a kernel");
  if (fresh && !file.empty()) {
    write(file, code);
  }
  return found;
}

}  // namespace vllmd::gpu::cuda
