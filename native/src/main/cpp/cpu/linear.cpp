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
constexpr int kPanelPiece = 4;
// Rows from which several threads prepare them: fewer take less time than the threads to meet.
constexpr int kAloneRows = 4;

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

// Of a weight in rows.
mx::array product(const mx::array& x, const Weight& w, const std::optional<mx::array>& bias,
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

// Rows of x in the order of the products, normalised first if asked to; the outputs stay unwritten.
struct PanelWork {
  PanelJob job;
  const float* x;
  const void* norm;  // [k] or null
  Real norm_real;
  float eps;

  void operator()() const {
    auto math = panel_math();
    auto job = this->job;
    size_t rows = job.x.rows, cells = rows * (job.w.k / job.w.group);
    float* memory = thread_partials(rows * job.w.k + 2 * cells);
    job.x.scales = memory;
    job.x.sums = memory + cells;
    job.x.values = memory + 2 * cells;
    auto row = [&](int m) {
      const float* in = x + static_cast<size_t>(m) * job.w.k;
      if (norm != nullptr) {
        float* normed = thread_scratch(job.w.k);
        kernels().rms_norm(in, norm, norm_real, job.w.k, eps, normed);
        in = normed;
      }
      math.row(in, m, job);
    };
    if (rows < kAloneRows) {
      for (int m = 0; m < job.x.rows; m++) {
        row(m);
      }
    } else {
      over_rows(job.x.rows, job.w.k, row);
    }
    int panels = (job.swiglu ? job.w.n / 2 : job.w.n) / kPanel;
    int piece = chunk_panels(job, panels);
    ThreadPool::instance().run((panels + piece - 1) / piece, [&](int chunk) {
      int p0 = chunk * piece, p1 = std::min(panels, p0 + piece);
      math.products(job, 0, job.x.rows, p0, p1, thread_scratch(kernels().panel_scratch(job, job.x.rows)));
    });
  }

  // Panels of one claim: few enough that the threads end together, not so few that claiming costs.
  static int chunk_panels(const PanelJob& job, int panels) {
    int threads = ThreadPool::instance().threads();
    size_t per_panel = static_cast<size_t>(job.w.k) * kPanel * (job.swiglu ? 2 : 1) * std::max(1, job.x.rows / 4);
    int fewest = static_cast<int>(std::max<size_t>(1, kChunk / per_panel));
    int piece = std::max(fewest, std::min(kPanelPiece, panels / (8 * threads)));
    return job.swiglu || piece < kPanelPiece ? piece : piece / kPanelPiece * kPanelPiece;
  }
};

mx::array panel_product(const mx::array& x, const Weight& w, const LinearExtras& extras, mx::Stream s) {
  std::vector<mx::array> inputs{dense(x, mx::float32, s)};
  add_weight(inputs, w, s);
  auto add = [&](const std::optional<mx::array>& a, bool widen) {
    if (a) {
      inputs.push_back(widen ? dense(*a, mx::float32, s) : dense(*a, s));
    }
    return a ? inputs.size() - 1 : 0;
  };
  size_t norm_at = add(extras.norm, false), bias_at = add(extras.bias, false), residual_at = add(extras.residual, true);
  auto prepare = [=, bits = w.bits, group = w.group, n = w.n, k = w.k, eps = extras.eps, swiglu = extras.swiglu](
                     const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    PanelWork work{};
    work.job.w = view(in, 1, bits, group, n, k);
    work.job.x.rows = in[0].shape(0);
    work.job.swiglu = swiglu;
    work.x = in[0].data<float>();
    work.eps = eps;
    if (norm_at > 0) {
      work.norm = in[norm_at].data<void>();
      work.norm_real = real_of(in[norm_at]);
    }
    if (bias_at > 0) {
      work.job.bias = in[bias_at].data<void>();
      work.job.bias_real = real_of(in[bias_at]);
    }
    if (residual_at > 0) {
      work.job.residual = in[residual_at].data<float>();
    }
    work.job.y = out[0].data<float>();
    return work;
  };
  return operation("VllmdPanelLinear", {x.shape(0), extras.swiglu ? w.n / 2 : w.n}, mx::float32, std::move(inputs), s,
                   std::move(prepare));
}

}  // namespace

mx::array linear(const mx::array& x, const Weight& w, const LinearExtras& extras, mx::Stream s) {
  if (w.panels && (!extras.swiglu || w.n % (2 * kPanel) == 0)) {
    return panel_product(x, w, extras, s);
  }
  if (w.panels && extras.swiglu) {
    auto both = extras;
    both.swiglu = false;
    return swiglu(panel_product(x, w, both, s), s);
  }
  auto rows = extras.norm ? rms_norm(x, *extras.norm, extras.eps, s) : x;
  return extras.swiglu ? swiglu(product(rows, w, extras.bias, std::nullopt, s), s)
                       : product(rows, w, extras.bias, extras.residual, s);
}

mx::array embedding(const mx::array& ids, const Weight& w, mx::Stream s) {
  std::vector<mx::array> inputs{dense(ids, s)};
  add_weight(inputs, w, s);
  auto prepare = [bits = w.bits, group = w.group, n = w.n, k = w.k, panels = w.panels](
                     const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    return [table = view(in, 1, bits, group, n, k), ids = in[0].data<int32_t>(), rows = in[0].shape(0),
            y = out[0].data<float>(), panels] {
      for (int i = 0; i < rows; i++) {
        // Thrown on the stream's thread, where MLX keeps it for whoever waits for the result.
        require(ids[i] >= 0 && ids[i] < table.n, "token ", ids[i], " (row ", i, ") is outside the table of ", table.n,
                " rows");
      }
      auto row = panels ? kernels().panel_weight_row : kernels().weight_row;
      over_rows(rows, table.k, [&](int i) { row(table, ids[i], y + static_cast<size_t>(i) * table.k); });
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
