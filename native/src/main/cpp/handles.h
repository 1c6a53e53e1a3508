// Handles of the C ABI and the C++ values behind them. A handle is the address of a value on the heap.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "error.h"
#include "mlx/array.h"
#include "mlx/stream.h"

namespace vllmd {

namespace mx = mlx::core;

inline mx::array& array_of(vm_array handle) {
  require(handle != 0, "array handle is 0");
  return *reinterpret_cast<mx::array*>(handle);
}

// 0 = absent.
inline std::optional<mx::array> optional_array_of(vm_array handle) {
  if (handle == 0) {
    return std::nullopt;
  }
  return array_of(handle);
}

inline vm_array handle_of(mx::array&& value) {
  return reinterpret_cast<vm_array>(new mx::array(std::move(value)));
}

inline std::vector<mx::array> arrays_of(const vm_array* handles, int32_t n) {
  require(n >= 0, "negative count ", n);
  std::vector<mx::array> arrays;
  arrays.reserve(n);
  for (int32_t i = 0; i < n; i++) {
    arrays.push_back(array_of(handles[i]));
  }
  return arrays;
}

mx::Stream stream_of(vm_stream handle);
mx::Dtype dtype_of(int32_t dtype);
mx::Device device_of(int32_t device);

// An evaluated, uninitialised array. On the CPU its memory starts at a cache line, where MLX's allocator gives 8 bytes
// past a line: vector loads that straddle two lines took the linear layers half again as long.
mx::array uninitialised(mx::Shape shape, mx::Dtype dtype);
void allocate(mx::array& out);

inline mx::Shape shape_of(const int32_t* shape, int32_t ndim) {
  require(ndim >= 0 && ndim <= 8, "number of dimensions is ", ndim, ", allowed are 0 to 8");
  for (int32_t i = 0; i < ndim; i++) {
    require(shape[i] >= 0, "dimension ", i, " is negative: ", shape[i]);
  }
  return mx::Shape(shape, shape + ndim);
}

}  // namespace vllmd
