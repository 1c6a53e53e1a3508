// Entry points of the engine's operations: arguments are checked here, once for both implementations.
#include "engine.h"


#include "checks.h"
#include "gpu/gpu.h"
#include "handles.h"

namespace vllmd {

bool portable_on_cpu = false;

namespace {

Weight weight_of(vm_array w, vm_array scales, vm_array biases, int32_t group, int32_t bits) {
  Weight weight{array_of(w), optional_array_of(scales), optional_array_of(biases), group, bits, 0, 0};
  require(weight.w.ndim() == 2, "weight is ", text(weight.w), ", expected two dimensions");
  weight.n = weight.w.shape(0);
  if (!weight.scales) {
    require(is_real(weight.w), "a dense weight must be float32, bfloat16 or float16");
    weight.k = weight.w.shape(1);
    weight.group = weight.bits = 0;
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
  return weight;
}

void check_arena(const mx::array& k, const mx::array& v) {
  require(k.ndim() == 4 && is_real(k), "key arena is ", text(k), ", expected [slots, kv_heads, capacity, head_dim]");
  require(v.shape() == k.shape() && v.dtype() == k.dtype(), "value arena is ", text(v), ", key arena ", text(k));
}

// A handle whose array the caller gave up for the updated one.
void replace(vm_array* handle, mx::array&& updated) {
  auto* old = reinterpret_cast<mx::array*>(*handle);
  *handle = handle_of(std::move(updated));
  delete old;
}

}  // namespace
}  // namespace vllmd

using namespace vllmd;

int vm_portable(int32_t portable) {
  return guarded("portable", [&] { portable_on_cpu = portable != 0; });
}

int vm_linear(vm_array* out, vm_array x, vm_array w, vm_array scales, vm_array biases, int32_t group, int32_t bits,
              vm_array bias, vm_array residual, vm_stream s) {
  return guarded("linear", [&] {
    auto weight = weight_of(w, scales, biases, group, bits);
    auto& rows = array_of(x);
    check_matrix("x", rows);
    require(rows.shape(1) == weight.k, "x is ", text(rows), ", the weight is [", weight.n, ", ", weight.k, "]");
    auto shift = optional_array_of(bias), rest = optional_array_of(residual);
    check_vector("bias", shift, weight.n);
    require(!rest || (is_real(*rest) && rest->ndim() == 2 && rest->shape(0) == rows.shape(0) &&
                      rest->shape(1) == weight.n),
            "residual is ", rest ? text(*rest) : "", ", expected [", rows.shape(0), ", ", weight.n, "]");
    auto stream = stream_of(s);
    *out = handle_of(own_kernels(stream) ? cpu::linear(rows, weight, shift, rest, stream)
                                         : gpu::try_first(
                                               stream, [&] { return gpu::linear(rows, weight, shift, rest, stream); },
                                               [&] { return portable::linear(rows, weight, shift, rest, stream); }));
  });
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

int vm_qkv_rope_write(vm_array* out, vm_array* k, vm_array* v, vm_array qkv, vm_batch batch, int32_t heads,
                      int32_t kv_heads, int32_t head_dim, vm_array q_norm, vm_array k_norm, float eps,
                      int32_t rope_dims, float rope_base, float rope_scale, vm_array freqs, vm_stream s) {
  return guarded("qkv_rope_write", [&] {
    auto &keys = array_of(*k), &values = array_of(*v), &x = array_of(qkv);
    auto& rows = batch_of(batch);
    check_arena(keys, values);
    check_matrix("qkv", x);
    require(heads > 0 && kv_heads > 0 && head_dim > 0 && heads % kv_heads == 0, heads, " heads, ", kv_heads,
            " kv heads of ", head_dim);
    require(keys.shape(1) == kv_heads && keys.shape(3) == head_dim, "arena is ", text(keys), ", expected ", kv_heads,
            " kv heads of ", head_dim);
    require(x.shape(0) == rows.rows()->size() && x.shape(1) == (heads + 2 * kv_heads) * head_dim, "qkv is ", text(x),
            ", expected [", rows.rows()->size(), ", ", (heads + 2 * kv_heads) * head_dim, "]");
    require(rope_dims >= 0 && rope_dims % 2 == 0 && rope_dims <= head_dim, "rope_dims is ", rope_dims,
            ", allowed are even numbers to ", head_dim);
    rows.check_fits(keys.shape(0), keys.shape(2));
    HeadNorm norm{optional_array_of(q_norm), optional_array_of(k_norm), eps};
    check_vector("q_norm", norm.q, head_dim);
    check_vector("k_norm", norm.k, head_dim);
    RopeSpec rope{rope_dims, rope_base, rope_scale, optional_array_of(freqs)};
    check_vector("freqs", rope.freqs, rope_dims / 2);
    HeadShape shape{heads, kv_heads, head_dim};
    auto stream = stream_of(s);
    auto written = own_kernels(stream) ? cpu::qkv_rope_write(keys, values, x, rows, shape, norm, rope, stream)
                                       : portable::qkv_rope_write(keys, values, x, rows, shape, norm, rope, stream);
    auto q = handle_of(std::move(written[0]));
    replace(k, std::move(written[1]));
    replace(v, std::move(written[2]));
    *out = q;
  });
}

int vm_attention(vm_array* out, vm_array q, vm_array k, vm_array v, vm_batch batch, int32_t heads, float scale,
                 vm_stream s) {
  return guarded("attention", [&] {
    auto &queries = array_of(q), &keys = array_of(k), &values = array_of(v);
    auto& rows = batch_of(batch);
    check_arena(keys, values);
    check_matrix("q", queries);
    require(heads > 0 && heads % keys.shape(1) == 0, heads, " heads over ", keys.shape(1), " kv heads");
    require(queries.shape(0) == rows.rows()->size() && queries.shape(1) == heads * keys.shape(3), "q is ",
            text(queries), ", expected [", rows.rows()->size(), ", ", heads * keys.shape(3), "]");
    rows.check_fits(keys.shape(0), keys.shape(2));
    auto stream = stream_of(s);
    *out = handle_of(own_kernels(stream) ? cpu::attention(queries, keys, values, rows, heads, scale, stream)
                                         : portable::attention(queries, keys, values, rows, heads, scale, stream));
  });
}

int vm_slot_copy(vm_array* dst, int32_t to, vm_array src, int32_t from, int32_t length, vm_stream s) {
  return guarded("slot_copy", [&] {
    auto &target = array_of(*dst), &source = array_of(src);
    check_arena(target, target);
    check_arena(source, source);
    require(target.dtype() == source.dtype() && target.shape(1) == source.shape(1) &&
                target.shape(3) == source.shape(3),
            "arenas differ: ", text(target), " and ", text(source));
    require(to >= 0 && to < target.shape(0) && from >= 0 && from < source.shape(0), "slots ", from, " to ", to,
            " of arenas ", text(source), " and ", text(target));
    require(length >= 0 && length <= target.shape(2) && length <= source.shape(2), "length is ", length,
            ", arenas are ", text(source), " and ", text(target));
    auto stream = stream_of(s);
    replace(dst, own_kernels(stream) ? cpu::kv_copy(target, to, source, from, length, stream)
                                     : portable::kv_copy(target, to, source, from, length, stream));
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
