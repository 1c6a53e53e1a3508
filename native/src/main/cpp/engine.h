// The engine's operations, in two implementations of the same contract (vllmd_mlx.h): `cpu` by this library's own
// primitives, `portable` by MLX's operations. Arguments have been checked against each other by the entry points.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "handles.h"
#include "mlx/array.h"
#include "mlx/stream.h"

namespace vllmd {

struct Weight {
  mx::array w;
  std::optional<mx::array> scales;  // absent = dense
  std::optional<mx::array> biases;
  int group;
  int bits;
  int n;
  int k;
  bool panels = false;  // see cpu/panels.h
};

// What goes with a product: y = act(rms_norm(x) · Wᵀ + bias) + residual, each only if given. With swiglu the weight is a
// gate's rows and an up's, act(gate, up) = silu(gate) · up, and there is no residual.
struct LinearExtras {
  std::optional<mx::array> norm;
  float eps;
  std::optional<mx::array> bias;
  bool swiglu;
  std::optional<mx::array> residual;
};

struct HeadShape {
  int heads;
  int kv_heads;
  int head_dim;
};

struct HeadNorm {
  std::optional<mx::array> q;
  std::optional<mx::array> k;
  float eps;
};

namespace cpu {
mx::array linear(const mx::array& x, const Weight& w, const LinearExtras& extras, mx::Stream s);
mx::array embedding(const mx::array& ids, const Weight& w, mx::Stream s);
mx::array rms_norm(const mx::array& x, const mx::array& weight, float eps, mx::Stream s);
mx::array swiglu(const mx::array& x, mx::Stream s);
mx::array rows(const mx::array& x, std::vector<int32_t> rows, mx::Stream s);
mx::array step_tokens(const std::optional<mx::array>& previous, std::vector<int32_t> from, std::vector<int32_t> ids,
                      mx::Stream s);
}  // namespace cpu

namespace portable {
mx::array linear(const mx::array& x, const Weight& w, const LinearExtras& extras, mx::Stream s);
mx::array embedding(const mx::array& ids, const Weight& w, mx::Stream s);
mx::array rms_norm(const mx::array& x, const mx::array& weight, float eps, mx::Stream s);
mx::array swiglu(const mx::array& x, mx::Stream s);
mx::array rows(const mx::array& x, std::vector<int32_t> rows, mx::Stream s);
mx::array step_tokens(const std::optional<mx::array>& previous, std::vector<int32_t> from, std::vector<int32_t> ids,
                      mx::Stream s);
}  // namespace portable

}  // namespace vllmd
