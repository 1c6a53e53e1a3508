// The inner loops of the CPU primitives, compiled once per instruction set. Plain pointers and float32 sums; no MLX,
// no allocation, no threads. Every result of a row is the same whatever rows are computed with it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "page_layout.h"

namespace vllmd::cpu {

enum class Real : int { f32, f16, bf16 };

// One linear layer's weight [n, k]: packed with one scale and bias per `group` values of a row, or dense (bits = 0).
struct WeightView {
  const void* values;
  const void* scales;  // [n, k / group]
  const void* biases;
  int bits;   // 8, 4, or 0 = dense
  int group;  // a multiple of 32
  Real real;  // of scales and biases, or of dense values
  int n;
  int k;
};

struct LinearView {
  WeightView w;
  const float* x;  // [rows, k]
  int rows;
  const void* bias;  // [n] or null
  Real bias_real;
  const float* residual;  // [rows, n] or null
  float* y;               // [rows, n]
};

// Outputs of a weight that lie side by side in panels, see panels.h.
constexpr int kPanel = 16;

// Rows of x that share a group of weights while it lies in the first cache.
constexpr int kPanelRows = 96;

// Rows of x in the order in which the products with panels read them: blocks of kPanelRows, the last one smaller, in each
// of which the rows of one place lie side by side. Values are float32 or, two to a word, integers of 16 bits.
struct PanelRows {
  int rows;
  void* values;   // of a block [values of a row, rows]
  float* scales;  // of a block [k / group, rows]: x = scale · integer
  float* sums;    // of a block [k / group, rows]: Σ x of the group
};

// y = x · Wᵀ (+ bias + residual), W in panels; or y = silu(gate) · up, where the upper half of W's rows gives the gates.
struct PanelJob {
  WeightView w;
  PanelRows x;
  const void* bias;  // [n] or null
  Real bias_real;
  const float* residual;  // [rows, n] or null
  bool swiglu;
  float* y;  // [rows, n], or [rows, n / 2]
};

// One of the two arithmetics of the products with panels.
struct PanelMath {
  // Row m of job.x from x [k].
  void (*row)(const float* x, int m, const PanelJob& job);
  // y[m0..m1] of the panels p0..p1 of the outputs. scratch: panel_scratch floats.
  void (*products)(const PanelJob& job, int m0, int m1, int p0, int p1, float* scratch);
};

// Softmax over part of the keys, before division: maximum, sum of exponentials, weighted sum of values.
// Laid out as float[2 + head_dim].
constexpr int kPartialHeader = 2;

// Pages whose positions are attended to together: sums are made over those, then merged in order. Fixed, so that how the
// work is shared out never shows in a result.
constexpr int kSplitPages = 4;
constexpr int kSplit = kSplitPages * kPage;

// No kernel's tile_queries exceeds it.
constexpr int kMostTileQueries = 8;

// A few queries over the keys of one kv head in one split.
struct AttentionTile {
  BlockLayout layout;
  const float* queries;  // [count, head_dim], times the scale
  int count;             // at most tile_queries
  const void* keys[kSplitPages];  // a block each; null where no query sees the page
  const void* values[kSplitPages];
  const char* after_keys[kSplitPages];  // the block read after it, to be asked for early; any where the block is null
  const char* after_values[kSplitPages];
  // Each query sees [begin, end) of the split's positions and [0, sinks) up to its end; begin <= end, and both ascend.
  const int* begin;
  const int* end;
  int sinks;
  float* scratch;   // tile_scratch floats
  float* partials;  // [count, kPartialHeader + head_dim]
};

struct Kernels {
  const char* name;

  // y[m0..m1, n0..n1]. scratch: linear_scratch floats.
  void (*linear)(const LinearView& job, int m0, int m1, int n0, int n1, float* scratch);
  size_t (*linear_scratch)(const LinearView& job, int rows, int columns);
  // Rows up to which a weight is unpacked in registers as it is read; more go through an unpacked tile.
  int direct_rows;
  // Columns of one tile; ranges given to `linear` start at multiples of it.
  int tile_columns;

  // float32 throughout.
  PanelMath exact;
  // x rounded to 16 bits within each group, products summed as integers. Null functions where that is no faster.
  PanelMath fast;
  size_t (*panel_scratch)(const PanelJob& job, int rows);
  void (*panel_weight_row)(const WeightView& w, int row, float* out);

  // out [k] = row `row` of the weight.
  void (*weight_row)(const WeightView& w, int row, float* out);
  void (*rms_norm)(const float* x, const void* weight, Real real, int k, float eps, float* out);
  void (*swiglu)(const float* gate, const float* up, int n, float* out);
  // One head [head_dim]: RMS norm with `norm` (null = none), then rotation by cosines and sines [rope_dims / 2].
  void (*rope_head)(const float* in, const float* norm, float eps, int head_dim, const float* cosines,
                    const float* sines, int rope_dims, float* out);

  // One partial per query; where a query sees nothing its maximum is -inf and its sum 0.
  void (*attend_tile)(const AttentionTile& tile);
  size_t (*tile_scratch)(const BlockLayout& layout, int count);
  int tile_queries;
  // A key or value [head_dim] into its place in a block.
  void (*store_key)(const BlockLayout& layout, const float* key, void* block, int position);
  void (*store_value)(const BlockLayout& layout, const float* value, void* block, int position);
  // A quantised block as the block of float32 that it stands for. wide: 2 * kPage * head_dim / kPageGroup floats.
  void (*unpack_keys)(const BlockLayout& layout, const void* block, float* out);
  void (*unpack_values)(const BlockLayout& layout, const void* block, float* wide, float* out);

  // Merges the next split's partial into the running one; where one of them saw nothing the other is left as it is.
  void (*merge)(float* running, const float* next, int head_dim);
  // out [head_dim] = weighted sum / sum of exponentials.
  void (*finish)(const float* partial, int head_dim, float* out);
  void (*scaled)(const float* in, float factor, int n, float* out);

  // Index of the largest (lowest index of equals); NaN never wins.
  int (*argmax)(const float* x, int n);
  // out[i] = exp((x[i] - shift) * factor), 0 for NaN; returns their sum.
  double (*exp_shifted)(const float* x, int n, float shift, float factor, float* out);
  // -inf where bit i % 32 of words[i / 32] is not set, else no less than the lowest finite float, also for NaN.
  void (*mask)(const uint32_t* words, int n, float* x);
  // Sum and number (below 2^24) of the elements >= low; the same bits as exp_shifted's sum where none is left out.
  double (*sum_from)(const float* x, int n, float low, int* count);
  // Writes the indices from `from` on whose element is in [low, high), ascending; answers where it stopped: at n, or
  // where fewer than 16 of the `room` places were left.
  int (*find_within)(const float* x, int from, int n, float low, float high, int room, int* ids, int* found);
};

// Null where this build or this processor lacks the instruction set.
const Kernels* avx512_kernels();
const Kernels* avx2_kernels();
const Kernels* neon_kernels();
const Kernels* generic_kernels();
const PanelMath* avx512vnni_math();

// The ones in use.
const Kernels& kernels();
const PanelMath& panel_math();

}  // namespace vllmd::cpu
