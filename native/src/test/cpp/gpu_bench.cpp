// Speed on this machine's GPU of whole steps of a model's shape with random weights, through our kernels and through
// MLX's operations. Usage: vllmd_gpu_bench [all|decode|prefill|headline|kernels]…
#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>

#include "support.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds(const std::function<void()>& body) {
  auto start = Clock::now();
  body();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

struct ModelShape {
  const char* name;
  int layers, hidden, heads, kv_heads, head_dim, ffn, vocabulary, bits;
};

struct Packed {
  vm_array w = 0, scales = 0, biases = 0;
};

struct Layer {
  Packed qkv, o, gate_up, down;
  vm_array norm1, norm2, q_norm, k_norm;
  vm_kv kv;
};

class Model {
 public:
  explicit Model(ModelShape shape, int pages) : s(shape) {
    int attention = s.heads * s.head_dim;
    for (int i = 0; i < s.layers; i++) {
      Layer l{weight(attention + 2 * s.kv_heads * s.head_dim, s.hidden),
              weight(s.hidden, attention),
              weight(2 * s.ffn, s.hidden),
              weight(s.hidden, s.ffn),
              ones(s.hidden),
              ones(s.hidden),
              ones(s.head_dim),
              ones(s.head_dim),
              0};
      ok(vm_kv_new(&l.kv, pages, pages, s.kv_heads, s.head_dim, VM_BFLOAT16, 0, 0));
      layers_.push_back(l);
    }
    embedding_ = weight(s.vocabulary, s.hidden);
    norm_ = ones(s.hidden);
  }

  // One step: the tokens of `rows` out, one sampled token per row of `last`.
  vm_array step(vm_array tokens, vm_step rows, const std::vector<int32_t>& last) {
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
    auto product = [&](vm_array x, const Packed& w, vm_array residual = 0) {
      vm_array y;
      ok(vm_linear(&y, x, w.w, w.scales, w.biases, 64, s.bits, 0, residual, 0));
      return keep(y);
    };
    vm_array x, q, a;
    ok(vm_embedding(&x, tokens, embedding_.w, embedding_.scales, embedding_.biases, 64, s.bits, 0));
    keep(x);
    for (auto& l : layers_) {
      auto h = product(norm_of(x, l.norm1), l.qkv);
      ok(vm_kv_append(&q, l.kv, h, rows, s.heads, s.kv_heads, s.head_dim, l.q_norm, l.k_norm, 1e-6f, s.head_dim, 1e6f,
                      1, 0, 0));
      keep(q);
      ok(vm_kv_attention(&a, q, l.kv, rows, s.heads, 1 / std::sqrt(static_cast<float>(s.head_dim)), 0, 0));
      keep(a);
      x = product(a, l.o, x);
      h = product(norm_of(x, l.norm2), l.gate_up);
      ok(vm_swiglu(&a, h, 0));
      keep(a);
      x = product(a, l.down, x);
    }
    vm_array chosen, out;
    int32_t m = static_cast<int32_t>(last.size());
    ok(vm_rows(&chosen, x, last.data(), m, 0));
    keep(chosen);
    auto logits = product(norm_of(chosen, norm_), embedding_);
    std::vector<float> zero(m, 0), one(m, 1);
    std::vector<int32_t> all(m, 0);
    ok(vm_sample(&out, logits, zero.data(), all.data(), one.data(), zero.data(), zero.data(), m, 0));
    free_all(made);
    return out;
  }

  const ModelShape s;

 private:
  Packed weight(int n, int k) {
    int32_t shape[] = {n, k};
    vm_array dense, small;
    ok(vm_random_normal(&dense, shape, 2, seed_++, VM_BFLOAT16, 0));
    float scale = 1 / std::sqrt(static_cast<float>(k));
    auto factor = cast(floats({scale}, {1}), VM_BFLOAT16);
    ok(vm_binary(&small, VM_MULTIPLY, dense, factor, 0));
    Packed p;
    ok(vm_quantize(&p.w, &p.scales, &p.biases, small, 64, s.bits, 0));
    vm_array parts[] = {p.w, p.scales, p.biases};
    ok(vm_eval(parts, 3));
    free_all({dense, small, factor});
    return p;
  }

  vm_array ones(int n) { return cast(floats(std::vector<float>(n, 1), {n}), VM_BFLOAT16); }

  std::vector<Layer> layers_;
  Packed embedding_;
  vm_array norm_;
  uint64_t seed_ = 1;
};

// Row i is of sequence i, whose pages are the i-th `pages` in the arena.
vm_step decode_rows(int rows, int position, int pages) {
  std::vector<int32_t> sequences(rows), positions(rows, position), tables, offsets{0}, none(rows, 0);
  int used = position / 64 + 1;
  for (int i = 0; i < rows; i++) {
    sequences[i] = i;
    for (int p = 0; p < used; p++) {
      tables.push_back(i * pages + p);
    }
    offsets.push_back(static_cast<int32_t>(tables.size()));
  }
  vm_step step;
  ok(vm_step_new(&step, sequences.data(), positions.data(), rows, tables.data(), offsets.data(), none.data(),
                 none.data(), rows));
  return step;
}

vm_step prefill_rows(const std::vector<int>& lengths, int pages) {
  std::vector<int32_t> sequences, positions, tables, offsets{0}, none(lengths.size(), 0);
  for (size_t i = 0; i < lengths.size(); i++) {
    for (int p = 0; p < lengths[i]; p++) {
      sequences.push_back(static_cast<int32_t>(i));
      positions.push_back(p);
    }
    for (int p = 0; p * 64 < lengths[i]; p++) {
      tables.push_back(static_cast<int32_t>(i) * pages + p);
    }
    offsets.push_back(static_cast<int32_t>(tables.size()));
  }
  vm_step step;
  ok(vm_step_new(&step, sequences.data(), positions.data(), static_cast<int32_t>(positions.size()), tables.data(),
                 offsets.data(), none.data(), none.data(), static_cast<int32_t>(lengths.size())));
  return step;
}

struct Times {
  double step, build, submit;
};

// Decode as the engine does it: a step is submitted before the one before it has been read.
Times decode(Model& model, int rows, int position, int steps, int pages) {
  std::vector<int32_t> from(rows), ids(rows, 1);
  for (int i = 0; i < rows; i++) {
    from[i] = i;
  }
  vm_array previous = ints(ids);
  Times t{0, 0, 0};
  t.step = seconds([&] {
    for (int i = 0; i < steps; i++) {
      auto start = Clock::now();
      auto step = decode_rows(rows, position + i, pages);
      vm_array tokens;
      ok(vm_step_tokens(&tokens, previous, from.data(), ids.data(), rows, 0));
      auto next = model.step(tokens, step, from);
      auto built = Clock::now();
      ok(vm_async_eval(&next, 1));
      t.build += std::chrono::duration<double>(built - start).count();
      t.submit += std::chrono::duration<double>(Clock::now() - built).count();
      ok(vm_step_free(step));
      const void* data;
      ok(vm_array_data(previous, &data));
      free_all({tokens, previous});
      previous = next;
    }
    ok(vm_eval(&previous, 1));
  });
  free_all({previous});
  return {t.step / steps, t.build / steps, t.submit / steps};
}

double prefill(Model& model, const std::vector<int>& lengths, int pages, vm_array* out = nullptr) {
  int total = 0;
  std::vector<int32_t> last;
  for (int length : lengths) {
    total += length;
    last.push_back(total - 1);
  }
  auto input = ints(std::vector<int32_t>(total, 1));
  double t = seconds([&] {
    auto step = prefill_rows(lengths, pages);
    auto next = model.step(input, step, last);
    ok(vm_eval(&next, 1));
    ok(vm_step_free(step));
    if (out) {
      *out = next;
    } else {
      free_all({next});
    }
  });
  free_all({input});
  return t;
}

// Ten prompts of about twenty tokens, 64 tokens each, as one batch from the first to the last.
double headline(Model& model, int pages) {
  std::vector<int> lengths{18, 19, 20, 21, 22, 18, 19, 20, 21, 22};
  int rows = static_cast<int>(lengths.size());
  return seconds([&] {
    vm_array previous;
    prefill(model, lengths, pages, &previous);
    std::vector<int32_t> from(rows), ids(rows, 1);
    for (int i = 0; i < rows; i++) {
      from[i] = i;
    }
    for (int i = 0; i < 63; i++) {
      auto step = decode_rows(rows, 22 + i, pages);
      vm_array tokens;
      ok(vm_step_tokens(&tokens, previous, from.data(), ids.data(), rows, 0));
      auto next = model.step(tokens, step, from);
      ok(vm_async_eval(&next, 1));
      ok(vm_step_free(step));
      const void* data;
      ok(vm_array_data(previous, &data));
      free_all({tokens, previous});
      previous = next;
    }
    const void* data;
    ok(vm_array_data(previous, &data));
    free_all({previous});
  });
}

void run(const std::string& what, Model& model, int pages, int repetitions) {
  for (bool portable : {false, true}) {
    if (portable && what.find("own") != std::string::npos) {
      continue;
    }
    ok(vm_portable(portable));
    const char* by = portable ? "MLX's operations" : "our kernels";
    auto wanted = [&](const char* part) {
      return what == "all" || what == "own" || what.find(part) != std::string::npos;
    };
    if (wanted("decode")) {
      for (auto [rows, position] : {std::pair{1, 100},
                                    {1, 1000},
                                    {1, 4000},
                                    {2, 100},
                                    {4, 100},
                                    {8, 100},
                                    {16, 100},
                                    {32, 100},
                                    {8, 2000},
                                    {32, 1000}}) {
        decode(model, rows, position, 12, pages);
        std::vector<double> steps, builds, submits;
        for (int i = 0; i < repetitions; i++) {
          auto t = decode(model, rows, position, 48, pages);
          steps.push_back(t.step);
          builds.push_back(t.build);
          submits.push_back(t.submit);
        }
        std::printf(
            "%s, %s: decode, %2d rows at %4d: %.3f ms a step (%.3f to %.3f), %.0f tok/s; build %.3f ms, submit %.3f "
            "ms\n",
            model.s.name, by, rows, position, median(steps) * 1e3, *std::min_element(steps.begin(), steps.end()) * 1e3,
            *std::max_element(steps.begin(), steps.end()) * 1e3, rows / median(steps), median(builds) * 1e3,
            median(submits) * 1e3);
      }
    }
    if (wanted("prefill")) {
      for (int tokens : {64, 200, 512, 2048, 4096}) {
        double first = prefill(model, {tokens}, pages);
        std::vector<double> times;
        for (int i = 0; i < repetitions; i++) {
          times.push_back(prefill(model, {tokens}, pages));
        }
        std::printf("%s, %s: prefill, %4d tokens: %.2f ms (first %.2f), %.0f tok/s\n", model.s.name, by, tokens,
                    median(times) * 1e3, first * 1e3, tokens / median(times));
      }
    }
    if (wanted("headline")) {
      headline(model, pages);
      std::vector<double> times;
      for (int i = 0; i < repetitions; i++) {
        times.push_back(headline(model, pages));
      }
      std::printf("%s, %s: ten prompts x 64: %.1f ms, %.0f tok/s\n", model.s.name, by, median(times) * 1e3,
                  640 / median(times));
    }
  }
  ok(vm_portable(0));
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  ok(vm_set_default_device(VM_GPU));
  constexpr int kPages = 66;
  std::string what = argc > 1 ? argv[1] : "all";
  int repetitions = argc > 2 ? std::atoi(argv[2]) : 5;
  auto start = Clock::now();
  Model model({"Qwen3-0.6B shape, 8 bits", 28, 1024, 16, 8, 128, 3072, 151936, 8}, 32 * kPages);
  std::printf("weights made in %.1f s\n", std::chrono::duration<double>(Clock::now() - start).count());
  start = Clock::now();
  decode(model, 1, 10, 3, kPages);
  std::printf("first steps took %.1f s, compilation included\n",
              std::chrono::duration<double>(Clock::now() - start).count());
  run(what, model, kPages, repetitions);
  uint64_t active, cached, peak;
  ok(vm_memory(&active, &cached, &peak));
  std::printf("memory: %.0f MB held, %.0f MB kept, peak %.0f MB\n", active / 1e6, cached / 1e6, peak / 1e6);
}
