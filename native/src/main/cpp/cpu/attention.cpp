// The KV arena on the CPU: writing rows into it, attention over it, copies within it. Float32.
#include <algorithm>
#include <cstring>
#include <memory>

#include "cpu/primitive.h"
#include "cpu/thread_pool.h"
#include "engine.h"

namespace vllmd::cpu {

namespace {

struct Arena {
  int slots, kv_heads, capacity, head_dim;

  explicit Arena(const mx::array& a)
      : slots(a.shape(0)), kv_heads(a.shape(1)), capacity(a.shape(2)), head_dim(a.shape(3)) {}

  // First element of (slot, kv head, position).
  size_t at(int slot, int kv_head, int position) const {
    return ((static_cast<size_t>(slot) * kv_heads + kv_head) * capacity + position) * head_dim;
  }
};

// The arena is both input and output: the output shares its buffer, so nothing is copied however far the host runs
// ahead. Order is kept by the stream: earlier steps' reads of it run before this write.
void share(const char* name, const mx::array& arena, mx::array& out) {
  require(arena.flags().row_contiguous, name, " arena is not row-contiguous");
  out.copy_shared_buffer(arena);
}

mx::array arena_in(const char* name, const mx::array& arena) {
  require(arena.dtype() == mx::float32, name, " arena must be float32 on the CPU");
  return arena;
}

struct WriteJob {
  std::shared_ptr<const Rows> rows;
  std::shared_ptr<const Rotation> rotation;
  HeadShape shape;
  Arena arena;
  int rope_dims;
  float eps;
  const float *qkv, *q_norm, *k_norm;
  float *q, *k, *v;

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
    int kv_head = (h - shape.heads) % shape.kv_heads;
    size_t at = arena.at(rows->slots[row], kv_head, rows->positions[row]);
    if (h < shape.heads + shape.kv_heads) {
      kernels().rope_head(in, k_norm, eps, d, cosines, sines, rope_dims, k + at);
    } else {
      std::memcpy(v + at, in, d * sizeof(float));
    }
  }
};

struct AttentionJob {
  std::shared_ptr<const Rows> rows;
  Arena arena;
  int heads;
  float scale;
  const float *q, *k, *v;
  float* out;

  int per_kv_head() const { return heads / arena.kv_heads; }
  size_t partial() const { return kPartialHeader + arena.head_dim; }

  AttentionView view(int row, int kv_head) const {
    size_t at = arena.at(rows->slots[row], kv_head, 0);
    return {k + at, v + at, arena.head_dim};
  }

  // The query, scaled, into `q_scaled`.
  void query(int row, int head, float* q_scaled) const {
    kernels().scaled(q + (static_cast<size_t>(row) * heads + head) * arena.head_dim, scale, arena.head_dim, q_scaled);
  }

  float* result(int row, int head) const {
    return out + (static_cast<size_t>(row) * heads + head) * arena.head_dim;
  }

  void operator()() const {
    // One long row, or a few, on many cores: its key blocks are shared out. Else rows and heads are enough work.
    int items = rows->size() * arena.kv_heads, threads = ThreadPool::instance().threads();
    if (threads > 1 && items < 4 * threads && rows->longest > 4 * kKeyBlock) {
      by_blocks();
    } else {
      by_rows();
    }
  }

  // Adjacent rows of one slot and the query heads of one kv head read the same keys: one chunk takes them block by
  // block, so that a block is in the cache for all of them.
  void by_rows() const {
    constexpr int kRowsPerChunk = 16;
    struct Piece {
      int first, count;
    };
    std::vector<Piece> pieces;
    for (auto& run : rows->runs) {
      for (int i = 0; i < run.count; i += kRowsPerChunk) {
        pieces.push_back({run.first + i, std::min(kRowsPerChunk, run.count - i)});
      }
    }
    // The work of decode rows with short contexts would not pay for waking anyone.
    int chunks = static_cast<int>(pieces.size()) * arena.kv_heads;
    ThreadPool::instance().run(chunks, [&](int chunk) {
      auto& piece = pieces[chunk / arena.kv_heads];
      attend(piece.first, piece.count, chunk % arena.kv_heads);
    });
  }

  void attend(int first, int count, int kv_head) const {
    const Kernels& kernel = kernels();
    int group = per_kv_head(), d = arena.head_dim;
    size_t states = static_cast<size_t>(count) * group;
    float* scratch = thread_scratch(states * (partial() + d) + partial());
    float *running = scratch, *queries = running + states * partial(), *next = queries + states * d;
    for (int i = 0; i < count; i++) {
      for (int g = 0; g < group; g++) {
        query(first + i, kv_head * group + g, queries + (static_cast<size_t>(i) * group + g) * d);
      }
    }
    int longest = rows->positions[first + count - 1] + 1;
    for (int begin = 0; begin < longest; begin += kKeyBlock) {
      for (int i = 0; i < count; i++) {
        int keys = std::min(kKeyBlock, rows->positions[first + i] + 1 - begin);
        if (keys <= 0) {
          continue;
        }
        auto kv = view(first + i, kv_head);
        for (int g = 0; g < group; g++) {
          size_t state = static_cast<size_t>(i) * group + g;
          float* mine = running + state * partial();
          kernel.attend_block(kv, queries + state * d, begin, keys, begin == 0 ? mine : next);
          if (begin > 0) {
            kernel.merge(mine, next, d);
          }
        }
      }
    }
    for (int i = 0; i < count; i++) {
      for (int g = 0; g < group; g++) {
        kernel.finish(running + (static_cast<size_t>(i) * group + g) * partial(), d,
                      result(first + i, kv_head * group + g));
      }
    }
  }

  void by_blocks() const {
    const Kernels& kernel = kernels();
    int n = rows->size(), group = per_kv_head(), d = arena.head_dim;
    int most = (rows->longest + kKeyBlock - 1) / kKeyBlock;
    // Not zeroed: what no chunk writes is not merged, and at a long context this is megabytes a layer.
    std::unique_ptr<float[]> partials(new float[static_cast<size_t>(n) * heads * most * partial()]);
    auto slot = [&](int row, int head, int block) {
      return partials.get() + ((static_cast<size_t>(row) * heads + head) * most + block) * partial();
    };
    ThreadPool::instance().run(n * arena.kv_heads * most, [&](int chunk) {
      int block = chunk % most, kv_head = chunk / most % arena.kv_heads, row = chunk / most / arena.kv_heads;
      int keys = std::min(kKeyBlock, rows->positions[row] + 1 - block * kKeyBlock);
      if (keys <= 0) {
        return;
      }
      float* q_scaled = thread_scratch(d);
      for (int g = 0; g < group; g++) {
        query(row, kv_head * group + g, q_scaled);
        kernel.attend_block(view(row, kv_head), q_scaled, block * kKeyBlock, keys, slot(row, kv_head * group + g, block));
      }
    });
    for (int row = 0; row < n; row++) {
      for (int head = 0; head < heads; head++) {
        float* mine = slot(row, head, 0);
        for (int block = 1; block * kKeyBlock <= rows->positions[row]; block++) {
          kernel.merge(mine, slot(row, head, block), d);
        }
        kernel.finish(mine, d, result(row, head));
      }
    }
  }
};

}  // namespace

QkvWritten qkv_rope_write(const mx::array& k, const mx::array& v, const mx::array& qkv, Batch& batch, HeadShape shape,
                          const HeadNorm& norm, const RopeSpec& rope, mx::Stream s) {
  std::vector<mx::array> inputs{dense(qkv, mx::float32, s), arena_in("key", k), arena_in("value", v)};
  for (auto* weight : {&norm.q, &norm.k}) {
    if (*weight) {
      inputs.push_back(dense(**weight, mx::float32, s));
    }
  }
  auto prepare = [rows = batch.rows(), rotation = batch.rotation(rope), shape, rope_dims = rope.dims, eps = norm.eps,
                  has_q = norm.q.has_value(), has_k = norm.k.has_value()](const std::vector<mx::array>& in,
                                                                           std::vector<mx::array>& out) {
    allocate(out[0]);
    share("key", in[1], out[1]);
    share("value", in[2], out[2]);
    return WriteJob{rows,
                    rotation,
                    shape,
                    Arena(in[1]),
                    rope_dims,
                    eps,
                    in[0].data<float>(),
                    has_q ? in[3].data<float>() : nullptr,
                    has_k ? in.back().data<float>() : nullptr,
                    out[0].data<float>(),
                    out[1].data<float>(),
                    out[2].data<float>()};
  };
  auto made = operations("VllmdQkvRopeWrite", {{qkv.shape(0), shape.heads * shape.head_dim}, k.shape(), v.shape()},
                         {mx::float32, mx::float32, mx::float32}, std::move(inputs), s, std::move(prepare));
  return {std::move(made[0]), std::move(made[1]), std::move(made[2])};
}

mx::array attention(const mx::array& q, const mx::array& k, const mx::array& v, Batch& batch, int heads, float scale,
                    mx::Stream s) {
  auto prepare = [rows = batch.rows(), heads, scale](const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    require(in[1].flags().row_contiguous && in[2].flags().row_contiguous, "KV arena is not row-contiguous");
    allocate(out[0]);
    return AttentionJob{rows,
                        Arena(in[1]),
                        heads,
                        scale,
                        in[0].data<float>(),
                        in[1].data<float>(),
                        in[2].data<float>(),
                        out[0].data<float>()};
  };
  return operation("VllmdAttention", q.shape(), mx::float32,
                   {dense(q, mx::float32, s), arena_in("key", k), arena_in("value", v)}, s, std::move(prepare));
}

mx::array kv_copy(const mx::array& dst, int to, const mx::array& src, int from, int length, mx::Stream s) {
  auto prepare = [to, from, length](const std::vector<mx::array>& in, std::vector<mx::array>& out) {
    require(in[1].flags().row_contiguous, "source arena is not row-contiguous");
    share("target", in[0], out[0]);
    Arena target(in[0]), source(in[1]);
    return [=, a = out[0].data<float>(), b = in[1].data<float>()] {
      ThreadPool::instance().run(target.kv_heads, [&](int head) {
        // The same slot of the same arena copies onto itself.
        std::memmove(a + target.at(to, head, 0), b + source.at(from, head, 0),
                     static_cast<size_t>(length) * target.head_dim * sizeof(float));
      });
    };
  };
  return operation("VllmdKvCopy", dst.shape(), mx::float32, {arena_in("target", dst), arena_in("source", src)}, s,
                   std::move(prepare));
}

}  // namespace vllmd::cpu
