// Products on the matrix units.
#include "checks.h"

namespace {

#define GPU_ARGUMENTS                                                                                                  \
  const int *params, const Value *x, const uint *w, const Scale *scales, const Scale *biases, const Norm *norm_weight, \
      const Value *bias, const Value *residual, Value *out
namespace linear_8_norm {
#define BITS 8
#define GROUP_SIZE 64
#define DEPTH 256
#define TILES 1
#define SLICES 2
#define OUTPUTS 2
#define NORM 1
#define SWIGLU 0
#define BIAS 1
#define RESIDUAL 0
using Value = bf16;
using Scale = bf16;
using Norm = bf16;
#include "gpu/text/linear.h"
}  // namespace linear_8_norm
#undef NORM
#undef TILES
#undef BIAS
#undef RESIDUAL
#undef SLICES
#undef OUTPUTS
namespace linear_8_residual {
#define NORM 0
#define TILES 2
#define SLICES 3
#define OUTPUTS 1
#define BIAS 0
#define RESIDUAL 1
using Value = bf16;
using Scale = bf16;
using Norm = bf16;
#include "gpu/text/linear.h"
}  // namespace linear_8_residual
#undef BITS
#undef GROUP_SIZE
#undef NORM
#undef SWIGLU
#undef OUTPUTS
#undef RESIDUAL
namespace linear_4_swiglu {
#define BITS 4
#define GROUP_SIZE 32
#define NORM 1
#define SWIGLU 1
#define OUTPUTS 2
#define RESIDUAL 0
using Value = f16;
using Scale = f16;
using Norm = f16;
#include "gpu/text/linear.h"
}  // namespace linear_4_swiglu
#undef BITS
#undef GROUP_SIZE
#undef SWIGLU
#undef NORM
namespace linear_dense {
#define BITS 0
#define GROUP_SIZE 0
#define SWIGLU 0
#define NORM 0
using Value = bf16;
using Scale = bf16;
using Norm = bf16;
#include "gpu/text/linear.h"
}  // namespace linear_dense
#undef GPU_ARGUMENTS

struct LinearCase {
  int bits, group, tiles, slices, outputs;
  bool norm, swiglu, bias, residual;
};

template <typename Value, typename Body>
void check_linear(const std::string& name, LinearCase c, int m, int n, double limit, Body body) {
  int k = DEPTH;
  auto x = reals<Value>(static_cast<size_t>(m) * k), norm_weight = reals<Value>(k);
  int width = c.swiglu ? n / 2 : n;
  auto bias = reals<Value>(width), residual = reals<Value>(static_cast<size_t>(m) * width);
  Memory<uint> w(static_cast<size_t>(n) * k * (c.bits == 0 ? 16 : c.bits) / 32);
  size_t groups = c.bits == 0 ? 1 : static_cast<size_t>(n) * k / c.group;
  auto scales = reals<Value>(groups), biases = reals<Value>(groups);
  std::vector<double> exact(static_cast<size_t>(n) * k);
  for (size_t i = 0; i < w.size(); i++) {
    w[i] = c.bits == 0 ? pack(Value(), normal() / 16, normal() / 16) : static_cast<uint>(engine());
  }
  for (size_t i = 0; i < groups; i++) {
    store(&scales[i], (0.5f + std::abs(normal())) / 16 / (1 << c.bits));
    store(&biases[i], normal() / 16);
  }
  for (size_t i = 0; i < exact.size(); i++) {
    if (c.bits == 0) {
      exact[i] = to_float(Value{static_cast<ushort>(w[i / 2] >> (i % 2 * 16))});
    } else {
      uint code = w[i * c.bits / 32] >> (i * c.bits % 32) & ((1u << c.bits) - 1);
      exact[i] = code * static_cast<double>(to_float(scales[i / c.group])) + to_float(biases[i / c.group]);
    }
  }
  std::vector<double> wanted;
  for (int row = 0; row < m; row++) {
    std::vector<double> in(k), y(n);
    double squares = 0;
    for (int i = 0; i < k; i++) {
      in[i] = to_float(x[static_cast<size_t>(row) * k + i]);
      squares += in[i] * in[i];
    }
    for (int i = 0; c.norm && i < k; i++) {
      in[i] *= to_float(norm_weight[i]) / std::sqrt(squares / k + 1e-6);
    }
    for (int o = 0; o < n; o++) {
      for (int i = 0; i < k; i++) {
        y[o] += in[i] * exact[static_cast<size_t>(o) * k + i];
      }
    }
    for (int o = 0; o < width; o++) {
      double z = c.swiglu ? y[o] / (1 + std::exp(-y[o])) * y[width + o] : y[o];
      z += c.bias ? to_float(bias[o]) : 0;
      wanted.push_back(z + (c.residual ? to_float(residual[static_cast<size_t>(row) * width + o]) : 0));
    }
  }
  int params[] = {m, n, bits_of(1e-6f)};
  Memory<Value> out(static_cast<size_t>(m) * width);
  int per_group = 16 * (c.swiglu ? c.outputs / 2 : c.outputs), rows = 8 * c.tiles;
  emulation::launch((width + per_group - 1) / per_group, (m + rows - 1) / rows, 1, 32 * c.slices * c.outputs, [&] {
    body(params, x.data(), w.data(), scales.data(), biases.data(), norm_weight.data(), bias.data(), residual.data(),
         out.data());
  });
  report(worst(out, wanted) < limit, "linear " + name, worst(out, wanted));
}

}  // namespace

void check_linears() {
  check_linear<bf16>("8 bits, normed, bias", {8, 64, 1, 2, 2, true, false, true, false}, 5, 72, 2e-2,
                     linear_8_norm::body);
  check_linear<bf16>("8 bits, residual, two groups of rows", {8, 64, 2, 3, 1, false, false, false, true}, 19, 40, 2e-2,
                     linear_8_residual::body);
  check_linear<f16>("4 bits, normed, swiglu", {4, 32, 2, 3, 2, true, true, false, false}, 9, 96, 4e-3,
                    linear_4_swiglu::body);
  check_linear<bf16>("dense", {0, 0, 2, 3, 2, false, false, false, false}, 17, 33, 2e-2, linear_dense::body);
}
