// Entry points that make, grow, read and write pages.
#include "pages.h"

#include <cstring>

#include "checks.h"
#include "gpu/gpu.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/transforms.h"
#include "paged.h"

namespace vllmd {
namespace {

void check_page(const Pages& pages, int page) {
  require(page >= 0 && page < pages.count, "page ", page, " of ", pages.count);
}

}  // namespace
}  // namespace vllmd

using namespace vllmd;

int vm_kv_new(vm_kv* out, int32_t pages, int32_t most, int32_t kv_heads, int32_t head_dim, int32_t dtype,
              int32_t bits, vm_stream s) {
  return guarded("kv_new", [&] {
    require(pages >= 0 && most > 0 && pages <= most, pages, " pages of at most ", most);
    require(kv_heads > 0 && head_dim > 0, kv_heads, " kv heads of ", head_dim);
    require(bits == 0 || bits == 8 || bits == 4, "bits is ", bits, ", allowed are 0, 4 and 8");
    require(bits == 0 || head_dim % kPageGroup == 0, "heads of ", head_dim, " cannot be kept in ", bits,
            " bits: that takes a multiple of ", kPageGroup);
    auto stream = stream_of(s);
    PageFormat format{kv_heads, head_dim, bits, dtype_of(dtype)};
    require(format.dtype == mx::float32 || format.dtype == mx::float16 || format.dtype == mx::bfloat16,
            "keys and values are float32, float16 or bfloat16");
    require(static_cast<size_t>(most) <= SIZE_MAX / 4 / format.page_bytes(), most, " pages are too many");
    auto made = std::make_unique<Pages>(Pages{format, pages, most, stream, nullptr, std::nullopt});
    if (own_kernels(stream)) {
      require(format.dtype == mx::float32, "keys and values are float32 on a CPU stream");
      made->host = std::make_shared<HostPages>(format, most);
    } else {
      made->device = portable::empty_pages(format, pages, stream);
    }
    *out = reinterpret_cast<vm_kv>(made.release());
  });
}

int vm_kv_free(const vm_kv* layers, int32_t n) {
  return guarded("kv_free", [&] {
    for (int32_t i = 0; i < n; i++) {
      delete reinterpret_cast<Pages*>(layers[i]);
    }
  });
}

int vm_kv_grow(vm_kv kv, int32_t pages, vm_stream s) {
  return guarded("kv_grow", [&] {
    auto& all = pages_of(kv);
    require(pages >= all.count && pages <= all.most, "cannot grow from ", all.count, " to ", pages, " of at most ",
            all.most, " pages");
    if (all.device) {
      portable::grow(all, pages, stream_of(s));
    }
    all.count = pages;
  });
}

int vm_kv_page_bytes(vm_kv kv, uint64_t* out) {
  return guarded("kv_page_bytes", [&] { *out = 2 * pages_of(kv).format.page_bytes(); });
}

int vm_kv_trim(vm_kv kv, const int32_t* pages, int32_t n) {
  return guarded("kv_trim", [&] {
    auto& all = pages_of(kv);
    for (int32_t i = 0; i < n; i++) {
      check_page(all, pages[i]);
    }
    if (!all.host) {
      return;
    }
    // Behind what was sent: a step in flight may read and write these pages still.
    mx::cpu::get_command_encoder(all.stream).dispatch([host = all.host, given = std::vector<int32_t>(pages, pages + n)] {
      for (int page : given) {
        host->trim(page);
      }
    });
  });
}

int vm_kv_read(vm_kv kv, int32_t page, void* to) {
  return guarded("kv_read", [&] {
    auto& all = pages_of(kv);
    check_page(all, page);
    if (all.device) {
      if (!gpu::runs(all.stream) || !gpu::read_page(all, page, static_cast<char*>(to))) {
        portable::read_page(all, page, static_cast<char*>(to));
      }
      return;
    }
    mx::synchronize(all.stream);
    cpu::read_page(*all.host, page, static_cast<char*>(to));
  });
}

int vm_kv_write(vm_kv kv, int32_t page, const void* from) {
  return guarded("kv_write", [&] {
    auto& all = pages_of(kv);
    check_page(all, page);
    if (all.device) {
      if (!gpu::runs(all.stream) || !gpu::write_page(all, page, static_cast<const char*>(from))) {
        portable::write_page(all, page, static_cast<const char*>(from));
      }
      return;
    }
    mx::synchronize(all.stream);
    cpu::write_page(*all.host, page, static_cast<const char*>(from));
  });
}
