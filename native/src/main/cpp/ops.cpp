// MLX's own operations, one entry point per signature.
#include <cstring>

#include "handles.h"
#include "mlx/ops.h"
#include "mlx/random.h"

namespace vllmd {
namespace {

template <typename Make>
int make(const char* function, vm_array* out, Make&& op) noexcept {
  return guarded(function, [&] { *out = handle_of(op()); });
}

mx::array unary(int32_t op, const mx::array& a, mx::Stream s) {
  switch (op) {
    case VM_NEGATIVE: return mx::negative(a, s);
    case VM_ABS: return mx::abs(a, s);
    case VM_SQUARE: return mx::square(a, s);
    case VM_SQRT: return mx::sqrt(a, s);
    case VM_RSQRT: return mx::rsqrt(a, s);
    case VM_EXP: return mx::exp(a, s);
    case VM_LOG: return mx::log(a, s);
    case VM_SIGMOID: return mx::sigmoid(a, s);
    case VM_TANH: return mx::tanh(a, s);
    case VM_SILU: return mx::multiply(a, mx::sigmoid(a, s), s);
    case VM_SIN: return mx::sin(a, s);
    case VM_COS: return mx::cos(a, s);
    case VM_FLOOR: return mx::floor(a, s);
    case VM_ERF: return mx::erf(a, s);
    default: throw std::invalid_argument("unknown operation " + std::to_string(op));
  }
}

mx::array binary(int32_t op, const mx::array& a, const mx::array& b, mx::Stream s) {
  switch (op) {
    case VM_ADD: return mx::add(a, b, s);
    case VM_SUBTRACT: return mx::subtract(a, b, s);
    case VM_MULTIPLY: return mx::multiply(a, b, s);
    case VM_DIVIDE: return mx::divide(a, b, s);
    case VM_MAXIMUM: return mx::maximum(a, b, s);
    case VM_MINIMUM: return mx::minimum(a, b, s);
    case VM_POWER: return mx::power(a, b, s);
    case VM_EQUAL: return mx::equal(a, b, s);
    case VM_LESS: return mx::less(a, b, s);
    case VM_GREATER: return mx::greater(a, b, s);
    case VM_MATMUL: return mx::matmul(a, b, s);
    default: throw std::invalid_argument("unknown operation " + std::to_string(op));
  }
}

mx::array reduce(int32_t op, const mx::array& a, int axis, bool keepdims, mx::Stream s) {
  switch (op) {
    case VM_SUM: return mx::sum(a, axis, keepdims, s);
    case VM_MEAN: return mx::mean(a, axis, keepdims, s);
    case VM_MAX: return mx::max(a, axis, keepdims, s);
    case VM_MIN: return mx::min(a, axis, keepdims, s);
    case VM_PROD: return mx::prod(a, axis, keepdims, s);
    case VM_ARGMAX: return mx::argmax(a, axis, keepdims, s);
    case VM_ARGMIN: return mx::argmin(a, axis, keepdims, s);
    case VM_LOGSUMEXP: return mx::logsumexp(a, axis, keepdims, s);
    default: throw std::invalid_argument("unknown operation " + std::to_string(op));
  }
}

}  // namespace
}  // namespace vllmd

using namespace vllmd;

int vm_unary(vm_array* out, int32_t op, vm_array a, vm_stream s) {
  return make("unary", out, [&] { return unary(op, array_of(a), stream_of(s)); });
}

int vm_binary(vm_array* out, int32_t op, vm_array a, vm_array b, vm_stream s) {
  return make("binary", out, [&] { return binary(op, array_of(a), array_of(b), stream_of(s)); });
}

int vm_reduce(vm_array* out, int32_t op, vm_array a, int32_t axis, int32_t keepdims, vm_stream s) {
  return make("reduce", out, [&] { return reduce(op, array_of(a), axis, keepdims != 0, stream_of(s)); });
}

int vm_where(vm_array* out, vm_array condition, vm_array a, vm_array b, vm_stream s) {
  return make("where", out, [&] { return mx::where(array_of(condition), array_of(a), array_of(b), stream_of(s)); });
}

int vm_astype(vm_array* out, vm_array a, int32_t dtype, vm_stream s) {
  return make("astype", out, [&] { return mx::astype(array_of(a), dtype_of(dtype), stream_of(s)); });
}

int vm_contiguous(vm_array* out, vm_array a, vm_stream s) {
  return make("contiguous", out, [&] { return mx::contiguous(array_of(a), false, stream_of(s)); });
}

int vm_reshape(vm_array* out, vm_array a, const int32_t* shape, int32_t ndim, vm_stream s) {
  return make("reshape", out, [&] {
    require(ndim >= 0 && ndim <= 8, "number of dimensions is ", ndim, ", allowed are 0 to 8");
    return mx::reshape(array_of(a), mx::Shape(shape, shape + ndim), stream_of(s));  // one may be -1
  });
}

int vm_transpose(vm_array* out, vm_array a, const int32_t* axes, int32_t n, vm_stream s) {
  return make("transpose", out, [&] {
    require(n >= 0 && n <= 8, "number of axes is ", n, ", allowed are 0 to 8");
    return mx::transpose(array_of(a), std::vector<int>(axes, axes + n), stream_of(s));
  });
}

int vm_slice(vm_array* out, vm_array a, const int32_t* start, const int32_t* stop, int32_t n, vm_stream s) {
  return make("slice", out, [&] {
    auto& whole = array_of(a);
    require(n == static_cast<int32_t>(whole.ndim()), n, " bounds for an array of ", whole.ndim(), " dimensions");
    return mx::slice(whole, mx::Shape(start, start + n), mx::Shape(stop, stop + n), stream_of(s));
  });
}

int vm_concatenate(vm_array* out, const vm_array* arrays, int32_t n, int32_t axis, vm_stream s) {
  return make("concatenate", out, [&] { return mx::concatenate(arrays_of(arrays, n), axis, stream_of(s)); });
}

int vm_take(vm_array* out, vm_array a, vm_array indices, int32_t axis, vm_stream s) {
  return make("take", out, [&] { return mx::take(array_of(a), array_of(indices), axis, stream_of(s)); });
}

int vm_argsort(vm_array* out, vm_array a, int32_t axis, vm_stream s) {
  return make("argsort", out, [&] { return mx::argsort(array_of(a), axis, stream_of(s)); });
}

int vm_softmax(vm_array* out, vm_array a, int32_t axis, vm_stream s) {
  return make("softmax", out, [&] { return mx::softmax(array_of(a), axis, true, stream_of(s)); });
}

int vm_full(vm_array* out, const int32_t* shape, int32_t ndim, float value, int32_t dtype, vm_stream s) {
  return make("full", out, [&] {
    auto stream = stream_of(s);
    auto dims = shape_of(shape, ndim);
    if (value == 0 && stream.device == mx::Device::cpu && mx::default_device() == mx::Device::cpu) {
      auto zeros = uninitialised(std::move(dims), dtype_of(dtype));
      std::memset(zeros.data<void>(), 0, zeros.nbytes());
      return zeros;
    }
    // full() alone is a broadcast view; who asks for a KV arena wants memory.
    return mx::contiguous(mx::full(std::move(dims), mx::array(value), dtype_of(dtype), stream), false, stream);
  });
}

int vm_random_normal(vm_array* out, const int32_t* shape, int32_t ndim, uint64_t seed, int32_t dtype, vm_stream s) {
  return make("random_normal", out, [&] {
    return mx::random::normal(shape_of(shape, ndim), dtype_of(dtype), mx::random::key(seed), stream_of(s));
  });
}

int vm_quantize(vm_array* packed, vm_array* scales, vm_array* biases, vm_array w, int32_t group, int32_t bits,
                vm_stream s) {
  return guarded("quantize", [&] {
    auto parts = mx::quantize(array_of(w), group, bits, "affine", std::nullopt, stream_of(s));
    require(parts.size() == 3, "quantize gave ", parts.size(), " arrays, expected 3");
    vm_array made[3];
    for (int i = 0; i < 3; i++) {
      made[i] = handle_of(std::move(parts[i]));
    }
    *packed = made[0];
    *scales = made[1];
    *biases = made[2];
  });
}

int vm_dequantize(vm_array* out, vm_array packed, vm_array scales, vm_array biases, int32_t group, int32_t bits,
                  vm_stream s) {
  return make("dequantize", out, [&] {
    return mx::dequantize(array_of(packed), array_of(scales), array_of(biases), group, bits, "affine", std::nullopt,
                          std::nullopt, stream_of(s));
  });
}
