// Entry points of the linear layers: arguments are checked here, once for both implementations.
#include "checks.h"
#include "cpu/kernels.h"
#include "cpu/panels.h"
#include "engine.h"
#include "gpu/gpu.h"
#include "handles.h"

namespace vllmd {
namespace {

// By kernels of our own, part by part, and by MLX's operations for the parts that have none.
mx::array parts(const mx::array& x, const Weight& w, const LinearExtras& extras, mx::Stream s) {
  auto rows = extras.norm ? gpu::try_first(s, [&] { return gpu::rms_norm(x, *extras.norm, extras.eps, s); },
                                           [&] { return portable::rms_norm(x, *extras.norm, extras.eps, s); })
                          : x;
  LinearExtras alone{std::nullopt, 0, extras.bias, false, extras.swiglu ? std::nullopt : extras.residual};
  auto y = gpu::try_first(s, [&] { return gpu::linear(rows, w, alone.bias, alone.residual, s); },
                          [&] { return portable::linear(rows, w, alone, s); });
  return extras.swiglu ? gpu::try_first(s, [&] { return gpu::swiglu(y, s); }, [&] { return portable::swiglu(y, s); }) : y;
}

mx::array linear(const mx::array& x, const Weight& w, const LinearExtras& extras, vm_stream s) {
  check_matrix("x", x);
  require(x.shape(1) == w.k, "x is ", text(x), ", the weight is [", w.n, ", ", w.k, "]");
  check_vector("norm", extras.norm, w.k);
  check_vector("bias", extras.bias, w.n);
  require(!extras.swiglu || w.n % 2 == 0, "the weight is [", w.n, ", ", w.k, "], expected as many gates as ups");
  auto& rest = extras.residual;
  require(!extras.swiglu || !rest, "a gated product takes no residual");
  int outputs = extras.swiglu ? w.n / 2 : w.n;
  require(!rest || (is_real(*rest) && rest->ndim() == 2 && rest->shape(0) == x.shape(0) && rest->shape(1) == outputs),
          "residual is ", rest ? text(*rest) : "", ", expected [", x.shape(0), ", ", outputs, "]");
  auto stream = stream_of(s);
  if (own_kernels(stream)) {
    return cpu::linear(x, w, extras, stream);
  }
  return gpu::runs(stream) ? parts(x, w, extras, stream) : portable::linear(x, w, extras, stream);
}

}  // namespace
}  // namespace vllmd

using namespace vllmd;

int vm_linear(vm_array* out, vm_array x, vm_array w, vm_array scales, vm_array biases, int32_t group, int32_t bits,
              vm_array bias, vm_array residual, vm_stream s) {
  return guarded("linear", [&] {
    LinearExtras extras{std::nullopt, 0, optional_array_of(bias), false, optional_array_of(residual)};
    *out = handle_of(linear(array_of(x), weight_of(w, scales, biases, group, bits), extras, s));
  });
}

int vm_linear_fused(vm_array* out, vm_array x, vm_array norm, float eps, vm_array w, vm_array scales, vm_array biases,
                    int32_t group, int32_t bits, vm_array bias, int32_t swiglu, vm_array residual, vm_stream s) {
  return guarded("linear_fused", [&] {
    LinearExtras extras{optional_array_of(norm), eps, optional_array_of(bias), swiglu != 0, optional_array_of(residual)};
    *out = handle_of(linear(array_of(x), weight_of(w, scales, biases, group, bits), extras, s));
  });
}

int vm_to_panels(void* values, void* scales, void* biases, int32_t n, int32_t k, int32_t group, int32_t bits,
                 int32_t dtype, int32_t* done) {
  return guarded("to_panels", [&] {
    require(values != nullptr && scales != nullptr && biases != nullptr, "no memory given");
    require(bits == 4 || bits == 8, "bits is ", bits, ", allowed are 4 and 8");
    require(dtype == VM_FLOAT32 || dtype == VM_FLOAT16 || dtype == VM_BFLOAT16, "scales must be real numbers");
    *done = cpu::fits_panels(n, k, group) ? 1 : 0;
    if (*done != 0) {
      cpu::to_panels(values, scales, biases, n, k, group, bits, dtype == VM_FLOAT32 ? 4 : 2);
    }
  });
}
