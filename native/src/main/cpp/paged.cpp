// Entry points of the operations over pages.
#include "paged.h"

#include "checks.h"
#include "gpu/gpu.h"

namespace vllmd {
namespace {

void check_device(const Pages& pages, const mx::Stream& s) {
  require(s.device == pages.stream.device, "the pages belong to another device than the stream");
  require(s.device != mx::Device::cpu || own_kernels(s) == (pages.host != nullptr),
          "the pages were made before vm_portable changed");
}

void check_fits(const Pages& pages, const StepRows& rows, const mx::Stream& s) {
  require(rows.highest_page < pages.count, "a row's table names page ", rows.highest_page, " of ", pages.count);
  check_device(pages, s);
}

}  // namespace
}  // namespace vllmd

using namespace vllmd;

int vm_kv_append(vm_array* out, vm_kv kv, vm_array qkv, vm_step step, int32_t heads, int32_t kv_heads,
                 int32_t head_dim, vm_array q_norm, vm_array k_norm, float eps, int32_t rope_dims, float rope_base,
                 float rope_scale, vm_array freqs, vm_stream s) {
  return guarded("kv_append", [&] {
    auto& x = array_of(qkv);
    auto& pages = pages_of(kv);
    auto& rows = step_of(step);
    check_matrix("qkv", x);
    require(heads > 0 && kv_heads > 0 && head_dim > 0 && heads % kv_heads == 0, heads, " heads, ", kv_heads,
            " kv heads of ", head_dim);
    require(pages.format.kv_heads == kv_heads && pages.format.head_dim == head_dim, "pages have ", pages.format.kv_heads,
            " kv heads of ", pages.format.head_dim, ", expected ", kv_heads, " of ", head_dim);
    require(x.shape(0) == rows.rows()->size() && x.shape(1) == (heads + 2 * kv_heads) * head_dim, "qkv is ", text(x),
            ", expected [", rows.rows()->size(), ", ", (heads + 2 * kv_heads) * head_dim, "]");
    require(rope_dims >= 0 && rope_dims % 2 == 0 && rope_dims <= head_dim, "rope_dims is ", rope_dims,
            ", allowed are even numbers to ", head_dim);
    HeadNorm norm{optional_array_of(q_norm), optional_array_of(k_norm), eps};
    check_vector("q_norm", norm.q, head_dim);
    check_vector("k_norm", norm.k, head_dim);
    RopeSpec rope{rope_dims, rope_base, rope_scale, optional_array_of(freqs)};
    check_vector("freqs", rope.freqs, rope_dims / 2);
    auto stream = stream_of(s);
    check_fits(pages, *rows.rows(), stream);
    HeadShape shape{heads, kv_heads, head_dim};
    *out = handle_of(pages.host ? cpu::append(x, pages, rows, shape, norm, rope, stream)
                                : gpu::try_first(
                                      stream, [&] { return gpu::append(x, pages, rows, shape, norm, rope, stream); },
                                      [&] { return portable::append(x, pages, rows, shape, norm, rope, stream); }));
  });
}

int vm_kv_attention(vm_array* out, vm_array q, vm_kv kv, vm_step step, int32_t heads, float scale, int32_t window,
                    vm_stream s) {
  return guarded("kv_attention", [&] {
    auto& queries = array_of(q);
    auto& pages = pages_of(kv);
    auto& rows = step_of(step);
    check_matrix("q", queries);
    require(heads > 0 && heads % pages.format.kv_heads == 0, heads, " heads over ", pages.format.kv_heads, " kv heads");
    require(queries.shape(0) == rows.rows()->size() && queries.shape(1) == heads * pages.format.head_dim, "q is ",
            text(queries), ", expected [", rows.rows()->size(), ", ", heads * pages.format.head_dim, "]");
    require(window >= 0, "window is ", window);
    auto stream = stream_of(s);
    check_fits(pages, *rows.rows(), stream);
    rows.check_seen(window);
    *out = handle_of(pages.host ? cpu::attention(queries, pages, rows, heads, scale, window, stream)
                                : gpu::try_first(
                                      stream, [&] { return gpu::attention(queries, pages, rows, heads, scale, window, stream); },
                                      [&] { return portable::attention(queries, pages, rows, heads, scale, window, stream); }));
  });
}

int vm_kv_copy(vm_array* tokens, const vm_kv* layers, int32_t n, const int32_t* to, const int32_t* from,
               const int32_t* counts, int32_t copies, vm_stream s) {
  return guarded("kv_copy", [&] {
    auto& before = array_of(*tokens);
    require(before.ndim() == 1 && before.dtype() == mx::int32, "tokens are ", text(before), ", expected int32 [p]");
    require(n > 0 && copies >= 0, copies, " copies in ", n, " layers");
    auto stream = stream_of(s);
    std::vector<PageCopy> list(copies);
    for (int32_t i = 0; i < copies; i++) {
      list[i] = {to[i], from[i], counts[i]};
      require(counts[i] >= 0 && counts[i] <= kPage, "copy ", i, " is of ", counts[i], " positions");
    }
    std::vector<Pages*> all;
    for (int32_t i = 0; i < n; i++) {
      auto& pages = pages_of(layers[i]);
      check_device(pages, stream);
      for (auto& copy : list) {
        require(copy.to >= 0 && copy.from >= 0 && copy.to < pages.count && copy.from < pages.count, "copy of page ",
                copy.from, " to ", copy.to, " of ", pages.count);
      }
      all.push_back(&pages);
    }
    *tokens = handle_of(own_kernels(stream) ? cpu::copy_pages(before, all, std::move(list), stream)
                                            : gpu::try_first(stream, [&] { return gpu::copy_pages(before, all, list, stream); },
                                                             [&] { return portable::copy_pages(before, all, list, stream); }));
  });
}
