// Pages of keys and values on the CPU: writing rows into them, copies among them, pages in and out.
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
    // A few rows of one head at a time: their keys share cache lines.
    constexpr int kRowsPerChunk = 16, kHeadsPerChunk = 64;
    int per_row = shape.heads + 2 * shape.kv_heads, n = rows->size();
    int row_chunks = (n + kRowsPerChunk - 1) / kRowsPerChunk;
    int heads = std::max(1, kHeadsPerChunk / std::min(n, kRowsPerChunk)), head_chunks = (per_row + heads - 1) / heads;
    ThreadPool::instance().run(row_chunks * head_chunks, [&](int chunk) {
      int row = chunk / head_chunks * kRowsPerChunk, end_row = std::min(n, row + kRowsPerChunk);
      int first = chunk % head_chunks * heads, end = std::min(per_row, first + heads);
      float* turned = thread_scratch(shape.head_dim);
      for (int h = first; h < end; h++) {
        for (int i = row; i < end_row; i++) {
          head(i, h, turned);
        }
      }
    });
  }

  void head(int row, int h, float* turned) const {
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
    if (h < shape.heads + shape.kv_heads) {
      kernels().rope_head(in, k_norm, eps, d, cosines, sines, rope_dims, turned);
      kernels().store_key(pages->block, turned, pages->keys(page, kv_head), position % kPage);
    } else {
      kernels().store_value(pages->block, in, pages->values(page, kv_head), position % kPage);
    }
  }
};

// A block is columns: the positions of keys and of their scales lie side by side, [rows][64]; those of values lie apart.
struct Columns {
  size_t rows;
  size_t width;  // bytes of one position in one row
};

// Codes, scales and biases of keys.
std::vector<Columns> key_columns(const PageFormat& format) {
  if (format.bits == 0) {
    return {{static_cast<size_t>(format.head_dim), sizeof(float)}};
  }
  auto groups = static_cast<size_t>(format.groups());
  return {{format.value_bytes(), 1}, {groups, sizeof(uint16_t)}, {groups, sizeof(uint16_t)}};
}

// Bytes of one position in values, in their scales, in their biases.
std::vector<size_t> value_rows(const PageFormat& format) {
  if (format.bits == 0) {
    return {format.value_bytes()};
  }
  return {format.value_bytes(), format.scale_bytes(), format.scale_bytes()};
}

void copy_positions(const HostPages& pages, const PageCopy& copy) {
  for (int head = 0; head < pages.format.kv_heads; head++) {
    char *to = pages.keys(copy.to, head), *from = pages.keys(copy.from, head);
    for (auto& part : key_columns(pages.format)) {
      for (size_t row = 0; row < part.rows; row++) {
        std::memmove(to, from, copy.count * part.width);
        to += kPage * part.width;
        from += kPage * part.width;
      }
    }
    to = pages.values(copy.to, head);
    from = pages.values(copy.from, head);
    for (size_t width : value_rows(pages.format)) {
      std::memmove(to, from, copy.count * width);
      to += kPage * width;
      from += kPage * width;
    }
  }
}

// Between a block of keys and rows [position][width] of the exchange layout; 4-bit pairs are along head_dim in both.
template <typename Move>
void each_key_byte(const Columns& part, Move&& move) {
  for (size_t row = 0; row < part.rows; row++) {
    for (int position = 0; position < kPage; position++) {
      move((row * kPage + position) * part.width, (position * part.rows + row) * part.width);
    }
  }
}

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
        for (auto& copy : copies) {
          copy_positions(*hosts[layer], copy);
        }
      });
    };
  };
  return operation("VllmdCopyPages", tokens.shape(), mx::int32, {dense(tokens, s)}, s, std::move(prepare));
}

// Parts are outermost in the exchange layout (all heads' values, then scales), heads are outermost in a page.
void read_page(const HostPages& pages, int page, char* to) {
  size_t offset = 0;
  for (auto& part : key_columns(pages.format)) {
    for (int head = 0; head < pages.format.kv_heads; head++) {
      const char* block = pages.keys(page, head) + offset;
      each_key_byte(part, [&](size_t here, size_t there) { std::memcpy(to + there, block + here, part.width); });
      to += part.rows * part.width * kPage;
    }
    offset += part.rows * part.width * kPage;
  }
  offset = 0;
  for (size_t width : value_rows(pages.format)) {
    for (int head = 0; head < pages.format.kv_heads; head++) {
      std::memcpy(to, pages.values(page, head) + offset, kPage * width);
      to += kPage * width;
    }
    offset += kPage * width;
  }
}

void write_page(const HostPages& pages, int page, const char* from) {
  size_t offset = 0;
  for (auto& part : key_columns(pages.format)) {
    for (int head = 0; head < pages.format.kv_heads; head++) {
      char* block = pages.keys(page, head) + offset;
      each_key_byte(part, [&](size_t here, size_t there) { std::memcpy(block + here, from + there, part.width); });
      from += part.rows * part.width * kPage;
    }
    offset += part.rows * part.width * kPage;
  }
  offset = 0;
  for (size_t width : value_rows(pages.format)) {
    for (int head = 0; head < pages.format.kv_heads; head++) {
      std::memcpy(pages.values(page, head) + offset, from, kPage * width);
      from += kPage * width;
    }
    offset += kPage * width;
  }
}

}  // namespace vllmd::cpu
