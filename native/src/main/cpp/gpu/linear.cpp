// Products on CUDA's matrix units. A normalisation before one, or SwiGLU after one, joins it where it has not run yet.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "gpu/cuda_device.h"
#include "gpu/gpu.h"
#include "gpu/kernel.h"
#include "mlx/primitives.h"

namespace vllmd::gpu {

namespace {

constexpr KernelText kText = {
#include "gpu/text/linear.h"
};
constexpr KernelText kNormText = {
#include "gpu/text/rms_norm.h"
};
constexpr KernelText kSwigluText = {
#include "gpu/text/swiglu.h"
};

constexpr const char* kLinear = "VllmdGpuLinear";
constexpr const char* kNorm = "VllmdGpuRmsNorm";

// A product's parts: what a node of one is made from, and remade from when more joins it.
struct Product {
  mx::array x;
  Weight w;
  Maybe norm;
  float eps = 0;
  Maybe bias, residual;
  bool swiglu = false;
};

class ProductNode final : public Node {
 public:
  ProductNode(mx::Stream s, Launch call, Product product) : Node(s, std::move(call)), product(std::move(product)) {}

  const Product product;
};

// The node behind an array that has not been evaluated, if it is of this kind.
template <typename Kind>
const Kind* unevaluated(const mx::array& a, const char* name) {
  if (a.status() != mx::array::unscheduled || !a.has_primitive() || a.primitive().name() != name) {
    return nullptr;
  }
  return static_cast<const Kind*>(&a.primitive());
}

// How a product is shared out. A row's sum depends on `slices`, so that must not depend on the number of rows.
struct Shares {
  int slices, outputs, tiles;
};

Shares shares_of(const Product& p) {
  int m = p.x.shape(0);
  Shares s;
  s.slices = p.w.n <= 2048 ? 8 : 4;
  s.outputs = 8 / s.slices;
  if (p.swiglu) {
    s.slices = 4;
    s.outputs = 2;
  }
  s.tiles = m <= 8 ? 1 : m <= 16 ? 2 : m <= 32 ? 4 : 8;
  return s;
}

const Kernel& kernel_of(const Product& p, Shares s) {
  static Kernels kernels;
  auto& w = p.w;
  auto value = p.x.dtype();
  auto scale = w.scales ? w.scales->dtype() : value, norm = p.norm ? p.norm->dtype() : value;
  uint64_t key = static_cast<uint64_t>(w.k);
  for (auto [part, width] : {std::pair<uint64_t, int>{w.bits, 4},
                             {w.group / 32, 3},
                             {s.slices, 4},
                             {s.outputs, 4},
                             {s.tiles, 4},
                             {p.norm.has_value(), 1},
                             {p.swiglu, 1},
                             {p.bias.has_value(), 1},
                             {p.residual.has_value(), 1},
                             {type_code(value), 2},
                             {type_code(scale), 2},
                             {type_code(norm), 2}}) {
    key = key << width | part;
  }
  return kernels.of(key, [&]() -> KernelVariant {
    auto defines =
        define("BITS", w.bits) + define("GROUP_SIZE", w.group) + define("DEPTH", w.k) + define("TILES", s.tiles) +
        define("SLICES", s.slices) + define("OUTPUTS", s.outputs) + define("NORM", p.norm.has_value()) +
        define("SWIGLU", p.swiglu) + define("BIAS", p.bias.has_value()) + define("RESIDUAL", p.residual.has_value()) +
        "#define UNROLL_PIECES _Pragma(\"unroll " + (s.tiles <= 2 ? "4" : "2") + "\")\n" +
        alias_type("Value", type_of(value)) + alias_type("Scale", type_of(scale)) + alias_type("Norm", type_of(norm));
    return {kLinear,
            kText,
            {{"Value", "x"},
             {"uint", "w"},
             {"Scale", "scales"},
             {"Scale", "biases"},
             {"Norm", "norm_weight"},
             {"Value", "bias"},
             {"Value", "residual"}},
            {"Value", "out"},
            defines,
            32 * s.slices * s.outputs};
  });
}

mx::array array_of(Product p, mx::Stream s) {
  auto shares = shares_of(p);
  int m = p.x.shape(0), width = p.swiglu ? p.w.n / 2 : p.w.n, rows = 8 * shares.tiles;
  int columns = 16 * (p.swiglu ? shares.outputs / 2 : shares.outputs);
  // Where a part is absent its place is taken by x, which the kernel then does not read there.
  auto part = [&](const Maybe& a) -> const mx::array& { return a ? *a : p.x; };
  std::vector<mx::array> inputs{p.x,          p.w.w,        part(p.w.scales), part(p.w.biases),
                                part(p.norm), part(p.bias), part(p.residual)};
  Launch call{kernel_of(p, shares),
              {},
              {m, width},
              p.x.dtype(),
              {m, p.w.n, bits_of(p.eps)},
              {(width + columns - 1) / columns, (m + rows - 1) / rows, 1}};
  auto shape = call.shape;
  auto dtype = call.dtype;
  return mx::array(std::move(shape), dtype, std::make_shared<ProductNode>(s, std::move(call), std::move(p)),
                   std::move(inputs));
}

bool has_kernel(const mx::array& x, const Weight& w, const Maybe& bias, const Maybe& residual) {
  bool half = x.dtype() == mx::bfloat16 || x.dtype() == mx::float16;
  auto same = [&](const Maybe& a) { return !a || a->dtype() == x.dtype(); };
  return half && has_matrix_units() && w.k % 64 == 0 && w.k < 1 << 24 && (w.scales || w.w.dtype() == x.dtype()) &&
         same(bias) && same(residual);
}

// From so many rows on, a kernel of its own normalises each row once, where the product would once per 32 outputs.
constexpr int kMostRowsToNorm = 32;

}  // namespace

Maybe linear(const mx::array& x, const Weight& w, const Maybe& bias, const Maybe& residual, mx::Stream s) {
  if (!has_kernel(x, w, bias, residual)) {
    return std::nullopt;
  }
  auto part = [&](const Maybe& a) -> Maybe { return a ? Maybe(dense(*a, s)) : std::nullopt; };
  Product p{x,
            {dense(w.w, s), part(w.scales), part(w.biases), w.group, w.bits, w.n, w.k},
            std::nullopt,
            0,
            part(bias),
            part(residual)};
  auto* norm = unevaluated<Node>(x, kNorm);
  if (norm != nullptr && (x.shape(0) <= kMostRowsToNorm || row_independent())) {
    p.x = x.inputs()[0];
    p.norm = x.inputs()[1];
    std::memcpy(&p.eps, &norm->params()[1], sizeof p.eps);
  } else {
    p.x = dense(x, s);
  }
  return array_of(std::move(p), s);
}

Maybe rms_norm(const mx::array& x, const mx::array& weight, float eps, mx::Stream s) {
  int k = x.shape(1);
  if (!on_cuda() || k % 8 != 0) {
    return std::nullopt;
  }
  static Kernels kernels;
  uint64_t key = type_code(x.dtype()) << 2 | type_code(weight.dtype());
  auto& kernel = kernels.of(key, [&]() -> KernelVariant {
    return {kNorm,
            kNormText,
            {{"Value", "x"}, {"Norm", "weight"}},
            {"Value", "out"},
            define("WARPS", 4) + alias_type("Value", type_of(x.dtype())) + alias_type("Norm", type_of(weight.dtype())),
            128};
  });
  return launch({kernel, {dense(x, s), dense(weight, s)}, x.shape(), x.dtype(), {k, bits_of(eps)}, {x.shape(0), 1, 1}},
                s);
}

Maybe swiglu(const mx::array& x, mx::Stream s) {
  int f = x.shape(1) / 2;
  if (auto* made = unevaluated<ProductNode>(x, kLinear)) {
    auto& p = made->product;
    if (!p.bias && !p.residual && !p.swiglu && f % 16 == 0) {
      auto joined = p;
      joined.swiglu = true;
      return array_of(std::move(joined), s);
    }
  }
  if (f % 8 != 0) {
    return std::nullopt;
  }
  constexpr int kThreads = 128;
  static Kernels kernels;
  auto& kernel = kernels.of(type_code(x.dtype()), [&]() -> KernelVariant {
    return {"VllmdGpuSwiglu",
            kSwigluText,
            {{"Value", "x"}},
            {"Value", "out"},
            define("THREADS", kThreads) + alias_type("Value", type_of(x.dtype())),
            kThreads};
  });
  return launch(
      {kernel, {dense(x, s)}, {x.shape(0), f}, x.dtype(), {f}, {(f / 8 + kThreads - 1) / kThreads, x.shape(0), 1}}, s);
}

}  // namespace vllmd::gpu
