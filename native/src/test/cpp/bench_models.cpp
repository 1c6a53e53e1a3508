// Speed of whole decode and prefill steps of two model shapes.
#include "bench.h"

namespace {

struct ModelShape {
  const char* name;
  int layers, hidden, heads, kv_heads, head_dim, ffn, vocabulary, bits;
};

struct Layer {
  TestWeight qkv, o, gate_up, down;
  vm_array norm1, norm2, q_norm, k_norm;
  vm_kv kv;
};

// Rows of equally long sequences, one after the other.
struct Rows {
  vm_step step;

  Rows(int sequences, int each, int first) {
    int pages = kPagesEach;
    std::vector<int32_t> of, positions, tables, offsets, zeros(sequences, 0);
    for (int i = 0; i < sequences; i++) {
      offsets.push_back(i * pages);
      for (int p = 0; p < pages; p++) {
        tables.push_back(i * pages + p);
      }
      for (int j = 0; j < each; j++) {
        of.push_back(i);
        positions.push_back(first + j);
      }
    }
    offsets.push_back(sequences * pages);
    ok(vm_step_new(&step, of.data(), positions.data(), static_cast<int32_t>(of.size()), tables.data(), offsets.data(), zeros.data(),
                   zeros.data(), sequences));
  }
  ~Rows() { ok(vm_step_free(step)); }

  static constexpr int kPagesEach = 32;
};

struct Model {
  ModelShape s;
  std::vector<Layer> layers;
  TestWeight embedding;
  vm_array norm;

  Model(ModelShape shape, int sequences) : s(shape) {
    Random random(2);
    auto ones = [](int n) { return floats(std::vector<float>(n, 1), {n}); };  // as the loader widens them
    auto weight = [&](int n, int k) {
      auto w = in_slab(make_weight(random, n, k, s.bits, 64, VM_BFLOAT16));
      to_panels(w);
      return w;
    };
    int attention = s.heads * s.head_dim, pages = sequences * Rows::kPagesEach;
    for (int i = 0; i < s.layers; i++) {
      Layer l{weight(attention + 2 * s.kv_heads * s.head_dim, s.hidden), weight(s.hidden, attention), weight(2 * s.ffn, s.hidden),
              weight(s.hidden, s.ffn), ones(s.hidden), ones(s.hidden), ones(s.head_dim), ones(s.head_dim), 0};
      ok(vm_kv_new(&l.kv, pages, pages, s.kv_heads, s.head_dim, VM_FLOAT32, 0, 0));
      layers.push_back(std::move(l));
    }
    embedding = weight(s.vocabulary, s.hidden);
    norm = ones(s.hidden);
  }

  ~Model() {
    for (auto& l : layers) {
      for (auto* w : {&l.qkv, &l.o, &l.gate_up, &l.down}) {
        w->free();
      }
      free_all({l.norm1, l.norm2, l.q_norm, l.k_norm});
      ok(vm_kv_free(&l.kv, 1));
    }
    embedding.free();
    free_all({norm});
  }

  // Bytes that a step reads of weights.
  double bytes() const {
    double n = static_cast<double>(embedding.n) * embedding.k;
    for (auto& l : layers) {
      for (auto* w : {&l.qkv, &l.o, &l.gate_up, &l.down}) {
        n += static_cast<double>(w->n) * w->k;
      }
    }
    return n * (s.bits / 8.0 + 4.0 / 64);
  }

  // One step: the tokens of `rows` out, one sampled token per row of `last`.
  vm_array step(vm_array tokens, vm_step rows, const std::vector<int32_t>& last) {
    vm_array x, h, q, a;
    std::vector<vm_array> made;
    auto keep = [&](vm_array y) {
      made.push_back(y);
      return y;
    };
    auto fused = [&](vm_array y, vm_array norm_weight, const TestWeight& w, int swiglu) {
      vm_array z;
      ok(vm_linear_fused(&z, y, norm_weight, 1e-6f, w.w, w.scales, w.biases, w.group, w.bits, 0, swiglu, 0, 0));
      return keep(z);
    };
    ok(vm_embedding(&x, tokens, embedding.w, embedding.scales, embedding.biases, 64, embedding.bits, 0));
    keep(x);
    for (auto& l : layers) {
      h = fused(x, l.norm1, l.qkv, 0);
      ok(vm_kv_append(&q, l.kv, h, rows, s.heads, s.kv_heads, s.head_dim, l.q_norm, l.k_norm, 1e-6f, s.head_dim, 1e6f, 1, 0, 0));
      keep(q);
      ok(vm_kv_attention(&a, q, l.kv, rows, s.heads, 1 / std::sqrt(static_cast<float>(s.head_dim)), 0, 0));
      keep(a);
      x = keep(linear(a, l.o, 0, x));
      x = keep(linear(fused(x, l.norm2, l.gate_up, 1), l.down, 0, x));
    }
    vm_array chosen, out;
    int32_t m = static_cast<int32_t>(last.size());
    ok(vm_rows(&chosen, x, last.data(), m, 0));
    keep(chosen);
    auto logits = fused(chosen, norm, embedding, 0);
    std::vector<float> zero(m, 0), one(m, 1);
    std::vector<int32_t> all(m, 0);
    ok(vm_sample(&out, logits, zero.data(), all.data(), one.data(), zero.data(), zero.data(), m, 0));
    free_all(made);
    return out;
  }
};

// Decode as the engine does it: a step is submitted before the one before it has been read.
void decode(Model& model, int rows, int first_position, int steps) {
  std::vector<int32_t> from(rows), ids(rows, 0);
  for (int i = 0; i < rows; i++) {
    from[i] = i;
  }
  vm_array previous = ints(ids);
  double host = 0;
  int step = 0;
  auto one = [&] {
    double start = own_time();
    Rows batch(rows, 1, first_position + step++);
    vm_array tokens;
    ok(vm_step_tokens(&tokens, previous, from.data(), ids.data(), rows, 0));
    auto next = model.step(tokens, batch.step, from);
    ok(vm_async_eval(&next, 1));
    host += own_time() - start;
    ok(vm_eval(&previous, 1));
    free_all({tokens, previous});
    previous = next;
  };
  for (int i = 0; i < 5; i++) {
    one();
  }
  double t = 1e9;
  host = 0;
  auto cpu = std::clock();
  for (int part = 0; part < 4; part++) {
    t = std::min(t, best(1, [&] {
                      for (int i = 0; i < steps / 4; i++) {
                        one();
                      }
                    }) / (steps / 4));
  }
  ok(vm_eval(&previous, 1));
  free_all({previous});
  // Processor time of all threads tells the cost apart from what other programs took meanwhile.
  double processor = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC / steps;
  std::printf("%s decode, %2d rows at %4d: %7.3f ms a step, %7.1f tok/s, %5.1f GB/s, %7.3f ms of processors, host %.3f ms\n", model.s.name,
              rows, first_position, t * 1e3, rows / t, model.bytes() / t / 1e9, processor * 1e3, host / steps * 1e3);
}

void prefill(Model& model, int tokens) {
  auto input = ints(std::vector<int32_t>(tokens, 1));
  double t = best(4, [&] {
    Rows rows(1, tokens, 0);
    auto next = model.step(input, rows.step, {tokens - 1});
    ok(vm_eval(&next, 1));
    free_all({next});
  });
  free_all({input});
  std::printf("%s prefill, %4d tokens: %8.2f ms, %8.1f tok/s\n", model.s.name, tokens, t * 1e3, tokens / t);
}

}  // namespace

void sprout_steps() {
  Model sprout({"Sprout", 8, 384, 6, 2, 64, 1024, 6144, 8}, 16);
  for (auto math : {VM_EXACT, VM_FAST}) {
    use(math);
    for (int rows : {1, 2, 4, 8, 10, 16}) {
      decode(sprout, rows, 100, 200);
    }
    decode(sprout, 1, 1500, 200);
    decode(sprout, 10, 1500, 100);
    for (int tokens : {8, 32, 128, 512}) {
      prefill(sprout, tokens);
    }
  }
}

void qwen_steps(int bits) {
  roof();
  Model qwen({bits == 8 ? "Qwen3-0.6B" : "Qwen3-0.6B, 4 bits", 28, 1024, 16, 8, 128, 3072, 151936, bits}, 16);
  for (auto math : {VM_EXACT, VM_FAST}) {
    use(math);
    for (int rows : {1, 2, 4, 8, 16}) {
      decode(qwen, rows, 100, 40);
    }
    prefill(qwen, 32);
    prefill(qwen, 400);
  }
  roof();
}

// One stream beside the speed of memory, in turns.
void decode_alone() {
  Model qwen({"Qwen3-0.6B", 28, 1024, 16, 8, 128, 3072, 151936, 8}, 1);
  for (int i = 0; i < 3; i++) {
    for (auto math : {VM_EXACT, VM_FAST}) {
      roof();
      use(math);
      decode(qwen, 1, 100, 60);
    }
  }
}

// As deep as Qwen3-0.6B and nearly without arithmetic: what is left is the price of building and running a step.
void host() {
  Model shallow({"28 thin layers", 28, 64, 2, 1, 64, 128, 512, 8}, 16);
  for (int rows : {1, 8}) {
    decode(shallow, rows, 100, 400);
  }
}

