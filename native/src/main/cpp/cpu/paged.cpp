// Pages of keys and values on the CPU: writing rows into them, attention over them, copies among them. Float32.
//
// No array stands for the pages: what reads them is built from the array that the writing gives, and the stream keeps
// the steps in order.
#include <algorithm>
#include <cstring>
#include <memory>

#include "cpu/primitive.h"
#include "cpu/thread_pool.h"
#include "paged.h"

namespace vllmd::cpu {

namespace {

struct AppendJob {
  std::shared_ptr<const StepRows> rows;
  std::shared_ptr<const Rotation> rotation;
  std::shared_ptr<HostPages> pages;
  HeadShape shape;
  int rope_dims;
  float eps;
  const float *qkv, *q_norm, *k_norm;
  float* q;

  void operator()() const {
    int per_row = shape.heads + 2 * shape.kv_heads, n = rows->size();
    constexpr int kHeadsPerChunk = 64;
    ThreadPool::instance().run((n * per_row + kHeadsPerChunk - 1) / kHeadsPerChunk, [&](int chunk) {
      int end = std::min(n * per_row, (chunk + 1) * kHeadsPerChunk);
      for (int i = chunk * kHeadsPerChunk; i < end; i++) {
        head(i / per_row, i % per_row);
      }
    });
  }

  void head(int row, int h) const {
    int d = shape.head_dim, half = rope_dims / 2;
    const float* in = qkv + (static_cast<size_t>(row) * (shape.heads + 2 * shape.kv_heads) + h) * d;
    const float *cosines = rotation->cosines.data() + static_cast<size_t>(row) * half,
                *sines = rotation->sines.data() + static_cast<size_t>(row) * half;
    if (h < shape.heads) {
      float* out = q + (static_cast<size_t>(row) * shape.heads + h) * d;
      kernels().rope_head(in, q_norm, eps, d, cosines, sines, rope_dims, out);
      return;
    }
    int kv_head = (h - shape.heads) % shape.kv_heads, position = rows->positions[row];
    int page = rows->page(rows->run(row), position);
    size_t at = static_cast<size_t>(position % kPage) * d;
    if (h < shape.heads + shape.kv_heads) {
      kernels().rope_head(in, k_norm, eps, d, cosines, sines, rope_dims, reinterpret_cast<float*>(pages->keys(page, kv_head)) + at);
    } else {
      std::memcpy(reinterpret_cast<float*>(pages->values(page, kv_head)) + at, in, d * sizeof(float));
    }
  }
};

// The keys of a page are summed together, pages are merged in order: how the work is shared out never shows.
struct AttentionJob {
  std::shared_ptr<const StepRows> rows;
  std::shared_ptr<HostPages> pages;
  int heads;
  float scale;
  int window;
  const float* q;
  float* out;

  int kv_heads() const { return pages->format.kv_heads; }
  int head_dim() const { return pages->format.head_dim; }
  int per_kv_head() const { return heads / kv_heads(); }
  size_t partial() const { return kPartialHeader + head_dim(); }

  void operator()() const {
    int items = rows->size() * kv_heads(), threads = ThreadPool::instance().threads();
    if (threads > 1 && items < 4 * threads && rows->longest > 4 * kPage) {
      by_pages();
    } else {
      ThreadPool::instance().run(items, [&](int item) { attend(item / kv_heads(), item % kv_heads()); });
    }
  }

  void query(int row, int head, float* q_scaled) const {
    kernels().scaled(q + (static_cast<size_t>(row) * heads + head) * head_dim(), scale, head_dim(), q_scaled);
  }

  float* result(int row, int head) const { return out + (static_cast<size_t>(row) * heads + head) * head_dim(); }

  // Calls body(first, count) for what the row sees of its sequence's page `index`.
  template <typename Body>
  void seen(int row, int index, Body&& body) const {
    int base = index * kPage, end = std::min(kPage, rows->positions[row] + 1 - base);
    int begin = std::max(0, rows->begin(row, window) - base), sinks = std::min(end, rows->run(row).sinks - base);
    if (sinks >= begin) {
      begin = 0;
    } else if (sinks > 0) {
      body(0, sinks);
    }
    if (begin < end) {
      body(begin, end - begin);
    }
  }

  AttentionView view(int row, int index, int kv_head) const {
    int page = rows->tables[rows->run(row).table + index];
    return {reinterpret_cast<const float*>(pages->keys(page, kv_head)),
            reinterpret_cast<const float*>(pages->values(page, kv_head)), head_dim()};
  }

  // The partial sums of one page into `mine`, one per query head, with `more` for the second part; false if nothing of
  // the page is seen.
  bool attend_page(int row, int index, int kv_head, const float* queries, float* mine, float* more) const {
    int parts = 0, d = head_dim();
    seen(row, index, [&](int first, int count) {
      for (int g = 0; g < per_kv_head(); g++) {
        kernels().attend_block(view(row, index, kv_head), queries + static_cast<size_t>(g) * d, first, count,
                               parts == 0 ? mine + g * partial() : more);
        if (parts > 0) {
          kernels().merge(mine + g * partial(), more, d);
        }
      }
      parts++;
    });
    return parts > 0;
  }

  void attend(int row, int kv_head) const {
    int group = per_kv_head(), d = head_dim();
    float* scratch = thread_scratch(static_cast<size_t>(group) * (2 * partial() + d) + partial());
    float *running = scratch, *next = running + group * partial(), *more = next + group * partial(),
          *queries = more + partial();
    for (int g = 0; g < group; g++) {
      query(row, kv_head * group + g, queries + static_cast<size_t>(g) * d);
    }
    bool any = false;
    for (int index = 0; index * kPage <= rows->positions[row]; index++) {
      if (!attend_page(row, index, kv_head, queries, any ? next : running, more)) {
        continue;
      }
      for (int g = 0; any && g < group; g++) {
        kernels().merge(running + g * partial(), next + g * partial(), d);
      }
      any = true;
    }
    for (int g = 0; g < group; g++) {
      kernels().finish(running + g * partial(), d, result(row, kv_head * group + g));
    }
  }

  // One long row, or a few, on many cores: its pages are shared out.
  void by_pages() const {
    int n = rows->size(), group = per_kv_head(), d = head_dim(), most = (rows->longest + kPage - 1) / kPage;
    // Not zeroed: what no chunk writes is not merged.
    std::unique_ptr<float[]> partials(new float[static_cast<size_t>(n) * heads * most * partial()]);
    std::unique_ptr<bool[]> written(new bool[static_cast<size_t>(n) * kv_heads() * most]);
    auto at = [&](int row, int kv_head, int index) {
      return (static_cast<size_t>(row) * kv_heads() + kv_head) * most + index;
    };
    ThreadPool::instance().run(n * kv_heads() * most, [&](int chunk) {
      int index = chunk % most, kv_head = chunk / most % kv_heads(), row = chunk / most / kv_heads();
      float *queries = thread_scratch(group * d + partial()), *more = queries + group * d;
      for (int g = 0; g < group; g++) {
        query(row, kv_head * group + g, queries + static_cast<size_t>(g) * d);
      }
      size_t slot = at(row, kv_head, index);
      written[slot] = index * kPage <= rows->positions[row] &&
                      attend_page(row, index, kv_head, queries, partials.get() + slot * group * partial(), more);
    });
    for (int row = 0; row < n; row++) {
      for (int head = 0; head < heads; head++) {
        float* mine = nullptr;
        for (int index = 0; index * kPage <= rows->positions[row]; index++) {
          size_t slot = at(row, head / group, index);
          if (!written[slot]) {
            continue;
          }
          float* next = partials.get() + (slot * group + head % group) * partial();
          if (mine == nullptr) {
            mine = next;
          } else {
            kernels().merge(mine, next, d);
          }
        }
        kernels().finish(mine, d, result(row, head));
      }
    }
  }
};

}  // namespace

mx::array append(const mx::array& qkv, Pages& pages, Step& step, HeadShape shape, const HeadNorm& norm,
                 const RopeSpec& rope, mx::Stream s) {
  std::vector<mx::array> inputs{dense(qkv, mx::float32, s)};
  for (auto* weight : {&norm.q, &norm.k}) {
    if (*weight) {
      inputs.push_back(dense(**weight, mx::float32, s));
    }
  }
  auto prepare = [rows = step.rows(), rotation = step.rotation(rope), host = pages.host, shape, rope_dims = rope.dims,
                  eps = norm.eps, has_q = norm.q.has_value(), has_k = norm.k.has_value()](
                     const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    allocate(out[0]);
    return AppendJob{rows,
                     rotation,
                     host,
                     shape,
                     rope_dims,
                     eps,
                     in[0].data<float>(),
                     has_q ? in[1].data<float>() : nullptr,
                     has_k ? in.back().data<float>() : nullptr,
                     out[0].data<float>()};
  };
  return operation("VllmdAppend", {qkv.shape(0), shape.heads * shape.head_dim}, mx::float32, std::move(inputs), s,
                   std::move(prepare));
}

mx::array attention(const mx::array& q, Pages& pages, Step& step, int heads, float scale, int window,
                    mx::Stream s) {
  auto prepare = [rows = step.rows(), host = pages.host, heads, scale, window](const std::vector<mx::array>& in,
                                                                                std::vector<mx::array>& out) {
    allocate(out[0]);
    return AttentionJob{rows, host, heads, scale, window, in[0].data<float>(), out[0].data<float>()};
  };
  return operation("VllmdPagedAttention", q.shape(), mx::float32, {dense(q, mx::float32, s)}, s, std::move(prepare));
}

mx::array copy_pages(const mx::array& tokens, const std::vector<Pages*>& layers, std::vector<PageCopy> copies,
                     mx::Stream s) {
  std::vector<std::shared_ptr<HostPages>> hosts;
  for (auto* layer : layers) {
    hosts.push_back(layer->host);
  }
  auto prepare = [hosts = std::move(hosts), copies = std::move(copies)](const std::vector<mx::array>& in,
                                                                        std::vector<mx::array>& out) {
    out[0].copy_shared_buffer(in[0]);
    return [hosts, copies] {
      ThreadPool::instance().run(static_cast<int>(hosts.size()), [&](int layer) {
        auto& pages = *hosts[layer];
        for (auto& copy : copies) {
          for (int head = 0; head < pages.format.kv_heads; head++) {
            size_t bytes = copy.count * pages.format.value_bytes();
            std::memmove(pages.keys(copy.to, head), pages.keys(copy.from, head), bytes);
            std::memmove(pages.values(copy.to, head), pages.values(copy.from, head), bytes);
          }
        }
      });
    };
  };
  return operation("VllmdCopyPages", tokens.shape(), mx::int32, {dense(tokens, s)}, s, std::move(prepare));
}

void read_page(const HostPages& pages, int page, char* to) {
  size_t bytes = pages.format.page_bytes();
  std::memcpy(to, pages.keys(page, 0), bytes);
  std::memcpy(to + bytes, pages.values(page, 0), bytes);
}

void write_page(const HostPages& pages, int page, const char* from) {
  size_t bytes = pages.format.page_bytes();
  std::memcpy(pages.keys(page, 0), from, bytes);
  std::memcpy(pages.values(page, 0), from + bytes, bytes);
}

}  // namespace vllmd::cpu
