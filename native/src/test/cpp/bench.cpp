// Speed of the CPU primitives: single layers, and whole decode and prefill steps of two model shapes.
// Usage: vllmd_bench [layers|sprout|qwen|host|attention [threads]]
#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>

#include "support.h"

namespace {

using Clock = std::chrono::steady_clock;

// Best of several repetitions, in seconds: other programs share the machine.
double best(int repetitions, const std::function<void()>& body) {
  double fastest = 1e9;
  for (int i = 0; i < repetitions; i++) {
    auto start = Clock::now();
    body();
    fastest = std::min(fastest, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return fastest;
}

// Processor time of this thread, in seconds: what building and submitting a step costs, however busy the cores are.
double own_time() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void layers() {
  struct Case {
    int k, n, bits;
  };
  Random random(1);
  for (auto [k, n, bits] : {Case{384, 2048, 8}, Case{1024, 384, 8}, Case{1024, 6144, 8}, Case{3072, 1024, 8}, Case{1024, 6144, 4}, Case{1024, 6144, 0}}) {
    // Many copies of a layer, so that weights come from memory as they do in a model.
    double bytes = static_cast<double>(k) * n * (bits == 0 ? 2 : bits / 8.0 + 4.0 / 64);
    int copies = std::max(1, static_cast<int>(100e6 / bytes));
    std::vector<TestWeight> ws;
    auto first = make_weight(random, n, k, bits, 64, VM_BFLOAT16);
    for (int i = 0; i < copies; i++) {
      TestWeight copy = first;
      vm_array* from[] = {&first.w, &first.scales, &first.biases};
      vm_array* to[] = {&copy.w, &copy.scales, &copy.biases};
      for (int j = 0; j < (bits == 0 ? 1 : 3); j++) {
        int32_t dtype, ndim, shape[8];
        uint64_t size;
        const void* data;
        ok(vm_array_info(*from[j], &dtype, &ndim, shape, &size));
        ok(vm_array_data(*from[j], &data));
        ok(vm_array_from(to[j], data, shape, ndim, dtype));
      }
      copy.exact.clear();
      ws.push_back(copy);
    }
    for (int m : {1, 2, 4, 8, 10, 16, 32, 128, 512}) {
      auto x = floats(random.normal(static_cast<size_t>(m) * k), {m, k});
      int used = m > 32 ? std::min(copies, 4) : copies;
      double t = best(m > 32 ? 3 : 5, [&] {
                   std::vector<vm_array> ys;
                   for (int i = 0; i < used; i++) {
                     ys.push_back(linear(x, ws[i]));
                   }
                   ok(vm_eval(ys.data(), used));
                   free_all(ys);
                 }) / used;
      std::printf("linear %d bits K %d N %d M %3d: %8.1f us %6.1f GB/s %6.1f GMAC/s\n", bits, k, n, m, t * 1e6, bytes / t / 1e9,
                  static_cast<double>(m) * n * k / t / 1e9);
      free_all({x});
    }
    for (auto& w : ws) {
      w.free();
    }
    first.free();
  }
}

struct ModelShape {
  const char* name;
  int layers, hidden, heads, kv_heads, head_dim, ffn, vocabulary;
};

struct Layer {
  TestWeight qkv, o, gate_up, down;
  vm_array norm1, norm2, q_norm, k_norm;
  vm_kv kv;
};

struct Model {
  ModelShape s;
  std::vector<Layer> layers;
  TestWeight embedding;
  vm_array norm;

  Tables tables;

  Model(ModelShape shape, int sequences, int capacity) : s(shape), tables(sequences, capacity) {
    Random random(2);
    auto ones = [](int n) { return cast(floats(std::vector<float>(n, 1), {n}), VM_BFLOAT16); };
    auto head_norm = [](int n) { return floats(std::vector<float>(n, 1), {n}); };  // as the loader widens them
    auto weight = [&](int n, int k) {
      auto w = make_weight(random, n, k, 8, 64, VM_BFLOAT16);
      w.exact.clear();
      w.exact.shrink_to_fit();
      return w;
    };
    int attention = s.heads * s.head_dim;
    for (int i = 0; i < s.layers; i++) {
      Layer l{weight(attention + 2 * s.kv_heads * s.head_dim, s.hidden), weight(s.hidden, attention), weight(2 * s.ffn, s.hidden),
              weight(s.hidden, s.ffn), ones(s.hidden), ones(s.hidden), head_norm(s.head_dim), head_norm(s.head_dim), 0};
      ok(vm_kv_new(&l.kv, tables.all(), tables.all(), s.kv_heads, s.head_dim, VM_FLOAT32, 0, 0));
      layers.push_back(std::move(l));
    }
    embedding = weight(s.vocabulary, s.hidden);
    norm = ones(s.hidden);
  }

  // One step: the tokens of `rows` out, one sampled token per row of `last`.
  vm_array step(vm_array tokens, vm_step rows, const std::vector<int32_t>& last) {
    vm_array x, h, q, a;
    std::vector<vm_array> made;
    auto keep = [&](vm_array y) {
      made.push_back(y);
      return y;
    };
    auto norm_of = [&](vm_array y, vm_array w) {
      vm_array z;
      ok(vm_rms_norm(&z, y, w, 1e-6f, 0));
      return keep(z);
    };
    ok(vm_embedding(&x, tokens, embedding.w, embedding.scales, embedding.biases, 64, 8, 0));
    keep(x);
    for (auto& l : layers) {
      h = keep(linear(norm_of(x, l.norm1), l.qkv));
      ok(vm_kv_append(&q, l.kv, h, rows, s.heads, s.kv_heads, s.head_dim, l.q_norm, l.k_norm, 1e-6f, s.head_dim, 1e6f, 1, 0, 0));
      keep(q);
      ok(vm_kv_attention(&a, q, l.kv, rows, s.heads, 1 / std::sqrt(static_cast<float>(s.head_dim)), 0, 0));
      keep(a);
      x = keep(linear(a, l.o, 0, x));
      h = keep(linear(norm_of(x, l.norm2), l.gate_up));
      ok(vm_swiglu(&a, h, 0));
      keep(a);
      x = keep(linear(a, l.down, 0, x));
    }
    vm_array chosen, out;
    int32_t m = static_cast<int32_t>(last.size());
    ok(vm_rows(&chosen, x, last.data(), m, 0));
    keep(chosen);
    auto logits = keep(linear(norm_of(chosen, norm), embedding));
    std::vector<float> zero(m, 0), one(m, 1);
    std::vector<int32_t> all(m, 0);
    ok(vm_sample(&out, logits, zero.data(), all.data(), one.data(), zero.data(), zero.data(), m, 0));
    free_all(made);
    return out;
  }
};

// Decode as the engine does it: a step is submitted before the one before it has been read.
void decode(Model& model, int rows, int first_position, int steps) {
  std::vector<int32_t> sequences(rows), positions(rows), from(rows), ids(rows, 0);
  for (int i = 0; i < rows; i++) {
    sequences[i] = from[i] = i;
  }
  vm_array previous = ints(ids);
  double host = 0;
  int step = 0;
  auto one = [&] {
    double start = own_time();
    std::fill(positions.begin(), positions.end(), first_position + step++);
    vm_step all = model.tables.step(sequences, positions);
    vm_array tokens;
    ok(vm_step_tokens(&tokens, previous, from.data(), ids.data(), rows, 0));
    auto next = model.step(tokens, all, from);
    ok(vm_async_eval(&next, 1));
    ok(vm_step_free(all));
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
  std::printf("%s decode, %2d rows at %4d: %7.3f ms a step, %7.1f tok/s, %7.3f ms of processors, host %.3f ms\n", model.s.name, rows,
              first_position, t * 1e3, rows / t, processor * 1e3, host / steps * 1e3);
}

void prefill(Model& model, int tokens) {
  std::vector<int32_t> sequences(tokens, 0), positions(tokens), ids(tokens, 1);
  for (int i = 0; i < tokens; i++) {
    positions[i] = i;
  }
  auto input = ints(ids);
  double t = best(4, [&] {
    vm_step all = model.tables.step(sequences, positions);
    auto next = model.step(input, all, {tokens - 1});
    ok(vm_eval(&next, 1));
    ok(vm_step_free(all));
    free_all({next});
  });
  free_all({input});
  std::printf("%s prefill, %4d tokens: %8.2f ms, %8.1f tok/s\n", model.s.name, tokens, t * 1e3, tokens / t);
}

void sprout_steps() {
  Model sprout({"Sprout", 8, 384, 6, 2, 64, 1024, 6144}, 16, 2048);
  for (int rows : {1, 2, 4, 8, 10, 16}) {
    decode(sprout, rows, 100, 200);
  }
  decode(sprout, 1, 1500, 200);
  decode(sprout, 10, 1500, 100);
  for (int tokens : {8, 32, 128, 512}) {
    prefill(sprout, tokens);
  }
}

void qwen_steps() {
  Model qwen({"Qwen3-0.6B", 28, 1024, 16, 8, 128, 3072, 151936}, 16, 2048);
  for (int rows : {1, 4, 10, 16}) {
    decode(qwen, rows, 100, 12);
  }
  prefill(qwen, 32);
  prefill(qwen, 256);
  prefill(qwen, 2048);
}

// As deep as Qwen3-0.6B and nearly without arithmetic: what is left is the price of building and running a step.
void host() {
  Model shallow({"28 thin layers", 28, 64, 2, 1, 64, 128, 512}, 16, 1024);
  for (int rows : {1, 8}) {
    decode(shallow, rows, 100, 400);
  }
}

// Rows of sequences over pages: `per_sequence` rows each, the last at position keys - 1.
void attention_of(int heads, int kv_heads, int d, int bits, int rows, int per_sequence, int keys) {
  Random random(3);
  constexpr int n = 256;
  int m = rows / per_sequence;
  Tables tables(m, keys);
  vm_kv kv;
  ok(vm_kv_new(&kv, tables.all(), tables.all(), kv_heads, d, VM_FLOAT32, bits, 0));
  auto qkv = floats(random.normal(static_cast<size_t>(n) * (heads + 2 * kv_heads) * d), {n, (heads + 2 * kv_heads) * d});
  double write = 1e9;
  for (int j = 0; j < m; j++) {
    for (int from = 0; from < tables.pages * VM_PAGE; from += n) {
      std::vector<int32_t> sequences(n, j), positions(n);
      for (int i = 0; i < n; i++) {
        positions[i] = std::min(from, tables.pages * VM_PAGE - n) + i;
      }
      write = std::min(write, best(1, [&] {
                         vm_step step = tables.step(sequences, positions);
                         vm_array q;
                         ok(vm_kv_append(&q, kv, qkv, step, heads, kv_heads, d, 0, 0, 1e-6f, d, 1e6f, 1, 0, 0));
                         ok(vm_eval(&q, 1));
                         ok(vm_step_free(step));
                         free_all({q});
                       }));
    }
  }
  std::vector<int32_t> sequences, positions;
  double seen = 0;
  for (int i = 0; i < rows; i++) {
    sequences.push_back(i / per_sequence);
    positions.push_back(keys - per_sequence + i % per_sequence);
    seen += positions.back() + 1;
  }
  auto q = floats(random.normal(static_cast<size_t>(rows) * heads * d), {rows, heads * d});
  vm_step step = tables.step(sequences, positions);
  // Of the processors' time too: other programs share the machine.
  double processor = 1e9;
  double t = best(rows > 10 ? 6 : 30, [&] {
    auto start = std::clock();
    vm_array y;
    ok(vm_kv_attention(&y, q, kv, step, heads, 0.1f, 0, 0));
    ok(vm_eval(&y, 1));
    free_all({y});
    processor = std::min(processor, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  });
  uint64_t page_bytes;
  ok(vm_kv_page_bytes(kv, &page_bytes));
  double macs = 2.0 * heads * d * seen, bytes = static_cast<double>(tables.all()) * static_cast<double>(page_bytes);
  std::printf(
      "%2d bits, %d/%d heads of %d, %3d rows, %4d keys: %9.1f us %5.1f GB/s %5.1f GMAC/s; of processors %9.1f us, %5.1f GB/s %5.1f "
      "GMAC/s; 256 rows written in %.1f us\n",
      bits == 0 ? 32 : bits, heads, kv_heads, d, rows, keys, t * 1e6, bytes / t / 1e9, macs / t / 1e9, processor * 1e6,
      bytes / processor / 1e9, macs / processor / 1e9, write * 1e6);
  ok(vm_step_free(step));
  ok(vm_kv_free(&kv, 1));
  free_all({q, qkv});
}

void attention() {
  for (int bits : {0, 8, 4}) {
    for (auto [rows, per_sequence] : {std::pair{1, 1}, {10, 1}, {256, 256}}) {
      for (int keys : {256, 1500, 4096, 8192}) {
        attention_of(16, 8, 128, bits, rows, per_sequence, keys);
        attention_of(6, 2, 64, bits, rows, per_sequence, keys);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  ok(vm_set_default_device(VM_CPU));
  std::printf("kernels: %s\n", vm_cpu_kernels());
  auto wanted = [&](const char* part) { return argc < 2 || std::strcmp(argv[1], part) == 0; };
  ok(vm_cpu_threads(argc < 3 ? 0 : std::atoi(argv[2])));
  if (wanted("layers")) {
    layers();
  }
  if (wanted("sprout")) {
    sprout_steps();
  }
  if (wanted("qwen")) {
    qwen_steps();
  }
  if (wanted("host")) {
    host();
  }
  if (wanted("attention")) {
    attention();
  }
}
