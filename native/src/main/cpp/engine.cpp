// Entry points of the engine's operations: arguments are checked here, once for both implementations.
#include "engine.h"


#include "checks.h"
#include "cpu/panels.h"
#include "gpu/gpu.h"
#include "handles.h"

namespace vllmd {

bool portable_on_cpu = false;

Weight weight_of(vm_array w, vm_array scales, vm_array biases, int32_t group, int32_t bits) {
  bool panels = (bits & VM_PANELS) != 0;
  bits &= ~VM_PANELS;
  Weight weight{array_of(w), optional_array_of(scales), optional_array_of(biases), group, bits, 0, 0, panels};
  require(weight.w.ndim() == 2, "weight is ", text(weight.w), ", expected two dimensions");
  weight.n = weight.w.shape(0);
  if (!weight.scales) {
    require(is_real(weight.w), "a dense weight must be float32, bfloat16 or float16");
    weight.k = weight.w.shape(1);
    weight.group = weight.bits = 0;
    require(!panels, "a dense weight does not lie in panels");
    return weight;
  }
  require(bits == 4 || bits == 8, "bits is ", bits, ", allowed are 4 and 8");
  require(group == 32 || group == 64 || group == 128, "group is ", group, ", allowed are 32, 64 and 128");
  require(weight.w.dtype() == mx::uint32, "a packed weight must be uint32");
  weight.k = weight.w.shape(1) * (32 / bits);
  require(weight.biases.has_value(), "scales without biases");
  for (auto* part : {&*weight.scales, &*weight.biases}) {
    require(is_real(*part) && part->ndim() == 2 && part->shape(0) == weight.n && part->shape(1) * group == weight.k,
            "scales or biases are ", text(*part), ", expected [", weight.n, ", ", weight.k / group, "]");
  }
  require(weight.scales->dtype() == weight.biases->dtype(), "scales and biases differ in dtype");
  require(!panels || cpu::fits_panels(weight.n, weight.k, group), "a weight ", text(weight.w), " does not lie in panels");
  return weight;
}

}  // namespace vllmd

using namespace vllmd;

int vm_portable(int32_t portable) {
  return guarded("portable", [&] { portable_on_cpu = portable != 0; });
}

int vm_embedding(vm_array* out, vm_array ids, vm_array w, vm_array scales, vm_array biases, int32_t group,
                 int32_t bits, vm_stream s) {
  return guarded("embedding", [&] {
    auto weight = weight_of(w, scales, biases, group, bits);
    auto& rows = array_of(ids);
    require(rows.ndim() == 1 && rows.dtype() == mx::int32, "ids are ", text(rows), ", expected int32 [n]");
    auto stream = stream_of(s);
    *out = handle_of(own_kernels(stream)
                         ? cpu::embedding(rows, weight, stream)
                         : gpu::try_first(stream, [&] { return gpu::embedding(rows, weight, stream); },
                                          [&] { return portable::embedding(rows, weight, stream); }));
  });
}

int vm_rms_norm(vm_array* out, vm_array x, vm_array weight, float eps, vm_stream s) {
  return guarded("rms_norm", [&] {
    auto& rows = array_of(x);
    check_matrix("x", rows);
    check_vector("weight", array_of(weight), rows.shape(1));
    auto stream = stream_of(s);
    auto& factors = array_of(weight);
    *out = handle_of(own_kernels(stream)
                         ? cpu::rms_norm(rows, factors, eps, stream)
                         : gpu::try_first(stream, [&] { return gpu::rms_norm(rows, factors, eps, stream); },
                                          [&] { return portable::rms_norm(rows, factors, eps, stream); }));
  });
}

int vm_swiglu(vm_array* out, vm_array x, vm_stream s) {
  return guarded("swiglu", [&] {
    auto& rows = array_of(x);
    check_matrix("x", rows);
    require(rows.shape(1) % 2 == 0, "x is ", text(rows), ", expected an even number of columns");
    auto stream = stream_of(s);
    *out = handle_of(own_kernels(stream) ? cpu::swiglu(rows, stream)
                                         : gpu::try_first(stream, [&] { return gpu::swiglu(rows, stream); },
                                                          [&] { return portable::swiglu(rows, stream); }));
  });
}

int vm_rows(vm_array* out, vm_array x, const int32_t* rows, int32_t m, vm_stream s) {
  return guarded("rows", [&] {
    auto& all = array_of(x);
    check_matrix("x", all);
    require(m > 0, "no rows asked for");
    for (int32_t i = 0; i < m; i++) {
      require(rows[i] >= 0 && rows[i] < all.shape(0), "row ", rows[i], " of x ", text(all));
    }
    std::vector<int32_t> chosen(rows, rows + m);
    auto stream = stream_of(s);
    *out = handle_of(own_kernels(stream) ? cpu::rows(all, std::move(chosen), stream)
                                         : gpu::try_first(stream, [&] { return gpu::rows(all, chosen, stream); },
                                                          [&] { return portable::rows(all, chosen, stream); }));
  });
}

int vm_step_tokens(vm_array* out, vm_array previous, const int32_t* from, const int32_t* ids, int32_t n,
                   vm_stream s) {
  return guarded("step_tokens", [&] {
    auto before = optional_array_of(previous);
    require(n > 0, "no rows");
    require(!before || (before->ndim() == 1 && before->dtype() == mx::int32), "previous is not int32 [p]");
    int count = before ? before->shape(0) : 0;
    for (int32_t i = 0; i < n; i++) {
      require(from[i] < count, "row ", i, " comes from ", from[i], " of ", count, " previous tokens");
    }
    std::vector<int32_t> origin(from, from + n), given(ids, ids + n);
    auto stream = stream_of(s);
    *out = handle_of(own_kernels(stream)
                         ? cpu::step_tokens(before, std::move(origin), std::move(given), stream)
                         : gpu::try_first(stream, [&] { return gpu::step_tokens(before, origin, given, stream); },
                                          [&] { return portable::step_tokens(before, origin, given, stream); }));
  });
}
