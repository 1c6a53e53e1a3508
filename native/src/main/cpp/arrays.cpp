// Making, reading and freeing arrays.
#include <cstring>

#include "handles.h"
#include "mlx/allocator.h"
#include "mlx/dtype.h"
#include "mlx/transforms.h"
#include "weight_memory.h"

namespace vllmd {

mx::Dtype dtype_of(int32_t dtype) {
  switch (dtype) {
    case VM_BOOL: return mx::bool_;
    case VM_UINT8: return mx::uint8;
    case VM_UINT16: return mx::uint16;
    case VM_UINT32: return mx::uint32;
    case VM_UINT64: return mx::uint64;
    case VM_INT8: return mx::int8;
    case VM_INT16: return mx::int16;
    case VM_INT32: return mx::int32;
    case VM_INT64: return mx::int64;
    case VM_FLOAT16: return mx::float16;
    case VM_FLOAT32: return mx::float32;
    case VM_FLOAT64: return mx::float64;
    case VM_BFLOAT16: return mx::bfloat16;
    case VM_COMPLEX64: return mx::complex64;
    default: throw std::invalid_argument("unknown dtype " + std::to_string(dtype));
  }
}

static_assert(VM_BOOL == static_cast<int>(mx::Dtype::Val::bool_));
static_assert(VM_COMPLEX64 == static_cast<int>(mx::Dtype::Val::complex64));

void allocate(mx::array& out) {
  constexpr size_t line = 64;
  auto data = mx::allocator::malloc(out.nbytes() + line);
  auto address = reinterpret_cast<uintptr_t>(data.buffer().raw_ptr());
  auto offset = static_cast<int64_t>((line - address % line) % line);
  mx::Strides strides(out.ndim());
  int64_t stride = 1;
  for (size_t i = out.ndim(); i-- > 0;) {
    strides[i] = stride;
    stride *= out.shape(static_cast<int>(i));
  }
  out.set_data(std::move(data), out.size(), std::move(strides), out.flags(), offset);
}

mx::array uninitialised(mx::Shape shape, mx::Dtype dtype) {
  // Metal wants its buffers from the start; there is no line to straddle either.
  if (mx::default_device() != mx::Device::cpu) {
    size_t elements = 1;
    for (auto d : shape) {
      elements *= static_cast<size_t>(d);
    }
    return mx::array(mx::allocator::malloc(elements * dtype.size()), std::move(shape), dtype);
  }
  mx::array a(std::move(shape), dtype, nullptr, {});
  allocate(a);
  a.set_status(mx::array::available);
  return a;
}

namespace {

mx::Shape checked_shape(const int32_t* shape, int32_t ndim) {
  auto dims = shape_of(shape, ndim);
  size_t elements = 1;
  for (auto d : dims) {
    require(d == 0 || elements <= SIZE_MAX / 16 / static_cast<size_t>(d), "shape is too large");
    elements *= static_cast<size_t>(d);
  }
  return dims;
}

mx::array checked(const int32_t* shape, int32_t ndim, int32_t dtype) {
  return uninitialised(checked_shape(shape, ndim), dtype_of(dtype));
}

// Smaller arrays gain nothing by lying in a slab.
constexpr size_t kSmallestWeight = 64 << 10;

mx::array checked_weight(const int32_t* shape, int32_t ndim, int32_t dtype) {
  auto dims = checked_shape(shape, ndim);
  size_t bytes = dtype_of(dtype).size();
  for (auto d : dims) {
    bytes *= static_cast<size_t>(d);
  }
  bool large = bytes >= kSmallestWeight && mx::default_device() == mx::Device::cpu && has_weight_memory();
  return large ? weight_array(std::move(dims), dtype_of(dtype)) : uninitialised(std::move(dims), dtype_of(dtype));
}

// Hands out an array and its memory.
void hand_out(mx::array&& a, vm_array* out, void** data) {
  void* memory = a.data<void>();
  *out = handle_of(std::move(a));
  *data = memory;
}

}  // namespace
}  // namespace vllmd

using namespace vllmd;

int vm_array_from(vm_array* out, const void* data, const int32_t* shape, int32_t ndim, int32_t dtype) {
  return guarded("array_from", [&] {
    auto a = checked(shape, ndim, dtype);
    if (a.nbytes() > 0) {
      std::memcpy(a.data<void>(), data, a.nbytes());
    }
    *out = handle_of(std::move(a));
  });
}

int vm_array_alloc(vm_array* out, void** data, const int32_t* shape, int32_t ndim, int32_t dtype) {
  return guarded("array_alloc", [&] { hand_out(checked(shape, ndim, dtype), out, data); });
}

int vm_weight_alloc(vm_array* out, void** data, const int32_t* shape, int32_t ndim, int32_t dtype) {
  return guarded("weight_alloc", [&] { hand_out(checked_weight(shape, ndim, dtype), out, data); });
}

int vm_array_free(const vm_array* arrays, int32_t n) {
  return guarded("array_free", [&] {
    for (int32_t i = 0; i < n; i++) {
      delete reinterpret_cast<mx::array*>(arrays[i]);
    }
  });
}

int vm_array_info(vm_array handle, int32_t* dtype, int32_t* ndim, int32_t* shape, uint64_t* nbytes) {
  return guarded("array_info", [&] {
    auto& a = array_of(handle);
    require(a.ndim() <= 8, "array has ", a.ndim(), " dimensions, at most 8 are told");
    *dtype = static_cast<int32_t>(a.dtype().val());
    *ndim = static_cast<int32_t>(a.ndim());
    std::copy(a.shape().begin(), a.shape().end(), shape);
    *nbytes = a.nbytes();
  });
}

int vm_array_data(vm_array handle, const void** data) {
  return guarded("array_data", [&] {
    auto& a = array_of(handle);
    a.eval();
    require(a.flags().row_contiguous, "array is not row-contiguous; take vm_contiguous of it first");
    *data = a.data<void>();
  });
}

int vm_eval(const vm_array* arrays, int32_t n) {
  return guarded("eval", [&] { mx::eval(arrays_of(arrays, n)); });
}

int vm_async_eval(const vm_array* arrays, int32_t n) {
  return guarded("async_eval", [&] { mx::async_eval(arrays_of(arrays, n)); });
}
