// Linear layers, embeddings, norms and activations on the CPU. Activations are float32.
#include <algorithm>

#include "cpu/primitive.h"
#include "cpu/thread_pool.h"
#include "engine.h"

namespace vllmd::cpu {

namespace {

// Work of a chunk, in products: a few microseconds, far more than claiming it costs.
constexpr size_t kChunk = 64 * 1024;
constexpr int kLongPiece = 32;  // columns
// Rows that share an unpacked tile: enough that unpacking vanishes, few enough that their x stays in the L2 cache.
constexpr int kRowBlock = 96;

// `at` indexes inputs from the weight on: w, scales, biases.
WeightView view(const std::vector<mx::array>& inputs, size_t at, int bits, int group, int n, int k) {
  WeightView w{};
  w.values = inputs[at].data<void>();
  w.bits = bits;
  w.group = group;
  w.n = n;
  w.k = k;
  if (bits == 0) {
    w.real = real_of(inputs[at]);
  } else {
    w.scales = inputs[at + 1].data<void>();
    w.biases = inputs[at + 2].data<void>();
    w.real = real_of(inputs[at + 1]);
  }
  return w;
}

void add_weight(std::vector<mx::array>& inputs, const Weight& w, mx::Stream s) {
  inputs.push_back(dense(w.w, s));
  if (w.scales) {
    inputs.push_back(dense(*w.scales, s));
    inputs.push_back(dense(*w.biases, s));
  }
}

void run_linear(const LinearView& job) {
  const Kernels& kernel = kernels();
  int block = job.rows <= kernel.direct_rows ? job.rows : std::min(job.rows, kRowBlock);
  int blocks = (job.rows + block - 1) / block;
  // The last block of rows must not be so small that a direct variant's tile would starve; any split is right.
  block = (job.rows + blocks - 1) / blocks;
  size_t per_column = static_cast<size_t>(block) * job.w.k;
  int tile = kernel.tile_columns;
  int columns = static_cast<int>(std::max<size_t>(1, kChunk / per_column / tile)) * tile;
  // Long pieces of the weight read faster from memory, as long as every thread gets several of them.
  int share = job.w.n / (4 * ThreadPool::instance().threads()) / tile * tile;
  columns = std::max(columns, std::min(kLongPiece, share));
  int column_chunks = (job.w.n + columns - 1) / columns;
  ThreadPool::instance().run(blocks * column_chunks, [&](int chunk) {
    int m0 = chunk / column_chunks * block, n0 = chunk % column_chunks * columns;
    int m1 = std::min(job.rows, m0 + block), n1 = std::min(job.w.n, n0 + columns);
    kernel.linear(job, m0, m1, n0, n1, thread_scratch(kernel.linear_scratch(job, m1 - m0, n1 - n0)));
  });
}

// Chunks of rows for work of `per_row` elements each.
template <typename Body>
void over_rows(int rows, size_t per_row, Body&& body) {
  int block = static_cast<int>(std::max<size_t>(1, kChunk / 4 / std::max<size_t>(1, per_row)));
  ThreadPool::instance().run((rows + block - 1) / block, [&](int chunk) {
    for (int i = chunk * block; i < std::min(rows, (chunk + 1) * block); i++) {
      body(i);
    }
  });
}

}  // namespace

mx::array linear(const mx::array& x, const Weight& w, const std::optional<mx::array>& bias,
                 const std::optional<mx::array>& residual, mx::Stream s) {
  std::vector<mx::array> inputs{dense(x, mx::float32, s)};
  add_weight(inputs, w, s);
  size_t bias_at = inputs.size();
  if (bias) {
    inputs.push_back(dense(*bias, s));
  }
  if (residual) {
    inputs.push_back(dense(*residual, mx::float32, s));
  }
  auto prepare = [bias_at, has_bias = bias.has_value(), has_residual = residual.has_value(), bits = w.bits,
                  group = w.group, n = w.n, k = w.k](const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    LinearView job{};
    job.w = view(in, 1, bits, group, n, k);
    job.x = in[0].data<float>();
    job.rows = in[0].shape(0);
    if (has_bias) {
      job.bias = in[bias_at].data<void>();
      job.bias_real = real_of(in[bias_at]);
    }
    if (has_residual) {
      job.residual = in.back().data<float>();
    }
    job.y = out[0].data<float>();
    return [job] { run_linear(job); };
  };
  return operation("VllmdLinear", {x.shape(0), w.n}, mx::float32, std::move(inputs), s, std::move(prepare));
}

mx::array embedding(const mx::array& ids, const Weight& w, mx::Stream s) {
  std::vector<mx::array> inputs{dense(ids, s)};
  add_weight(inputs, w, s);
  auto prepare = [bits = w.bits, group = w.group, n = w.n, k = w.k](const std::vector<mx::array>& in,
                                                                    std::vector<mx::array>& out) {
    allocate(out[0]);
    return [table = view(in, 1, bits, group, n, k), ids = in[0].data<int32_t>(), rows = in[0].shape(0),
            y = out[0].data<float>()] {
      for (int i = 0; i < rows; i++) {
        // Thrown on the stream's thread, where MLX keeps it for whoever waits for the result.
        require(ids[i] >= 0 && ids[i] < table.n, "token ", ids[i], " (row ", i, ") is outside the table of ", table.n,
                " rows");
      }
      over_rows(rows, table.k, [&](int i) { kernels().weight_row(table, ids[i], y + static_cast<size_t>(i) * table.k); });
    };
  };
  return operation("VllmdEmbedding", {ids.shape(0), w.k}, mx::float32, std::move(inputs), s, std::move(prepare));
}

mx::array rms_norm(const mx::array& x, const mx::array& weight, float eps, mx::Stream s) {
  auto prepare = [eps](const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    return [x = in[0].data<float>(), weight = in[1].data<void>(), real = real_of(in[1]), rows = in[0].shape(0),
            k = in[0].shape(1), eps, y = out[0].data<float>()] {
      over_rows(rows, k, [&](int i) {
        size_t at = static_cast<size_t>(i) * k;
        kernels().rms_norm(x + at, weight, real, k, eps, y + at);
      });
    };
  };
  return operation("VllmdRmsNorm", x.shape(), mx::float32, {dense(x, mx::float32, s), dense(weight, s)}, s,
                   std::move(prepare));
}

mx::array swiglu(const mx::array& x, mx::Stream s) {
  auto prepare = [](const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    return [x = in[0].data<float>(), rows = in[0].shape(0), f = out[0].shape(1), y = out[0].data<float>()] {
      over_rows(rows, 4 * static_cast<size_t>(f), [&](int i) {
        const float* gate = x + static_cast<size_t>(i) * 2 * f;
        kernels().swiglu(gate, gate + f, f, y + static_cast<size_t>(i) * f);
      });
    };
  };
  return operation("VllmdSwiglu", {x.shape(0), x.shape(1) / 2}, mx::float32, {dense(x, mx::float32, s)}, s,
                   std::move(prepare));
}

}  // namespace vllmd::cpu
