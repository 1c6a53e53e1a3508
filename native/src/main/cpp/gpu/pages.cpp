// Pages of keys and values by kernels of our own: what is written goes into the arrays in place, and a row's keys are
// found through its table, with no mask and no gathering.
#include <algorithm>
#include <cmath>

#include "gpu/cuda_device.h"
#include "gpu/device_memory.h"
#include "gpu/gpu.h"
#include "gpu/kernel.h"
#include "gpu/step_words.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"

namespace vllmd::gpu {

namespace {

constexpr KernelText kAppend = {
#include "gpu/text/append.h"
};
constexpr KernelText kCopy = {
#include "gpu/text/copy_pages.h"
};

// What each pair of a head turns by at one position, in parts of a turn, as high and low halves: [2, dims / 2].
mx::array turns_of(const RopeSpec& rope) {
  struct Known {
    RopeSpec rope;  // holds freqs, so that no other array can take its identity
    mx::array turns;
  };
  static std::vector<Known>& known = *new std::vector<Known>();
  auto identity = [](const Maybe& a) { return a ? a->id() : 0; };
  for (auto& k : known) {
    if (k.rope.dims == rope.dims && k.rope.base == rope.base && k.rope.scale == rope.scale &&
        identity(k.rope.freqs) == identity(rope.freqs)) {
      return k.turns;
    }
  }
  int half = rope.dims / 2;
  std::vector<double> angles(half);
  if (rope.freqs) {
    auto freqs = mx::contiguous(mx::astype(*rope.freqs, mx::float32, mx::Device::cpu), false, mx::Device::cpu);
    freqs.eval();
    for (int i = 0; i < half; i++) {
      angles[i] = 1.0 / static_cast<double>(freqs.data<float>()[i]);
    }
  } else {
    for (int i = 0; i < half; i++) {
      angles[i] = rope.scale * std::pow(static_cast<double>(rope.base), -2.0 * i / rope.dims);
    }
  }
  // At least eight, for Metal (see uploaded).
  std::vector<float> halves(std::max(8, 2 * half));
  for (int i = 0; i < half; i++) {
    double turn = angles[i] / 6.283185307179586476925;
    halves[i] = static_cast<float>(turn);
    halves[half + i] = static_cast<float>(turn - halves[i]);
  }
  // A model has one of these per kind of layer, and few models are loaded at once.
  if (known.size() >= 32) {
    known.erase(known.begin());
  }
  known.push_back({rope, mx::array(halves.begin(), {static_cast<int>(halves.size())}, mx::float32)});
  return known.back().turns;
}

}  // namespace

Maybe append(const mx::array& qkv, Pages& pages, Step& step, HeadShape shape, const HeadNorm& norm,
             const RopeSpec& rope, mx::Stream s) {
  if (!has_kernel(pages)) {
    return std::nullopt;
  }
  int d = shape.head_dim, n = step.rows()->size();
  constexpr int kWarps = 4;
  auto value = qkv.dtype(), cached = pages.format.dtype;
  auto weight = norm.q ? norm.q->dtype() : norm.k ? norm.k->dtype() : value;
  if (norm.k && norm.k->dtype() != weight) {
    return std::nullopt;
  }
  static Kernels kernels;
  uint64_t key = static_cast<uint64_t>(d) << 32 | static_cast<uint64_t>(rope.dims) << 16 | norm.q.has_value() << 8 |
                 norm.k.has_value() << 7 | type_code(value) << 4 | type_code(cached) << 2 | type_code(weight);
  auto& kernel = kernels.of(key, [&]() -> KernelVariant {
    return {"VllmdGpuAppend",
            kAppend,
            {{"Value", "qkv"},
             {"int", "step"},
             {"float", "turns"},
             {"Norm", "q_norm"},
             {"Norm", "k_norm"},
             {"Cached", "keys"},
             {"Cached", "values"}},
            {"Value", "out"},
            define("HEAD_DIM", d) + define("ROPE_DIMS", rope.dims) + define("WARPS", kWarps) +
                define("Q_NORM", norm.q.has_value()) + define("K_NORM", norm.k.has_value()) +
                alias_type("Value", type_of(value)) + alias_type("Cached", type_of(cached)) +
                alias_type("Norm", type_of(weight)),
            32 * kWarps};
  });
  auto x = dense(qkv, s);
  // The same that attention will ask for, so that the step goes to the device once.
  auto sharing = share(*step.rows(), shape.heads / shape.kv_heads, has_tiles(pages, value));
  // An absent weight's place is taken by the other or by x, which are not read there.
  auto part = [&](const Maybe& a, const Maybe& b) { return a ? dense(*a, s) : b ? dense(*b, s) : x; };
  Launch call{kernel,
              {x, words_of(step, sharing, s), turns_of(rope), part(norm.q, norm.k), part(norm.k, norm.q),
               pages.device->keys.values, pages.device->values.values},
              {n, shape.heads * d},
              value,
              {shape.heads, shape.kv_heads, n, bits_of(norm.eps)},
              {(shape.heads + 2 * shape.kv_heads + kWarps - 1) / kWarps, n, 1}};
  call.untracked = 5;
  return launch(std::move(call), s);
}

Maybe copy_pages(const mx::array& tokens, const std::vector<Pages*>& layers, const std::vector<PageCopy>& copies,
                 mx::Stream s) {
  for (auto* layer : layers) {
    if (!has_kernel(*layer)) {
      return std::nullopt;
    }
  }
  if (copies.empty()) {
    return tokens;
  }
  std::vector<int32_t> list;
  for (auto& copy : copies) {
    list.insert(list.end(), {copy.to, copy.from, copy.count});
  }
  auto words = uploaded(list, s);
  auto out = dense(tokens, s);
  static Kernels kernels;
  for (auto* layer : layers) {
    auto& format = layer->format;
    auto& kernel =
        kernels.of(static_cast<uint64_t>(format.head_dim) << 2 | type_code(format.dtype), [&]() -> KernelVariant {
          return {"VllmdGpuCopyPages",
                  kCopy,
                  {{"int", "tokens"}, {"int", "copies"}, {"Cached", "keys"}, {"Cached", "values"}},
                  {"int", "out"},
                  define("HEAD_DIM", format.head_dim) + define("THREADS", 256) +
                      alias_type("Cached", type_of(format.dtype)),
                  256};
        });
    Launch call{kernel,
                {out, words, layer->device->keys.values, layer->device->values.values},
                tokens.shape(),
                mx::int32,
                {format.kv_heads, tokens.shape(0)},
                {format.kv_heads, static_cast<int>(copies.size()), 1}};
    call.untracked = 2;
    out = launch(std::move(call), s);
  }
  return out;
}

bool read_page(const Pages& pages, int page, char* to) {
  if (!has_kernel(pages) || !cuda::available()) {
    return false;
  }
  mx::synchronize(pages.stream);
  size_t bytes = pages.format.page_bytes();
  for (auto* part : {&pages.device->keys, &pages.device->values}) {
    cuda::copy_to_host(to, static_cast<char*>(device_address(part->values)) + page * bytes, bytes);
    to += bytes;
  }
  return true;
}

bool write_page(Pages& pages, int page, const char* from) {
  if (!has_kernel(pages) || !cuda::available()) {
    return false;
  }
  mx::synchronize(pages.stream);
  size_t bytes = pages.format.page_bytes();
  for (auto* part : {&pages.device->keys, &pages.device->values}) {
    cuda::copy_to_device(static_cast<char*>(device_address(part->values)) + page * bytes, from, bytes);
    from += bytes;
  }
  return true;
}

}  // namespace vllmd::gpu
