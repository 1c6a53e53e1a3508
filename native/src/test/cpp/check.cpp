// Holds every engine operation against float64 references, for each instruction set of this machine and for the
// portable path. Prints what failed; exit status 1 then.
#include <algorithm>
#include <cstring>
#include <functional>

#include "check.h"
#include "check_sampling.h"
#include "support.h"

namespace {

void check_rows(bool portable) {
  Random random(2);
  for (int k : {64, 80, 384, 100}) {
    int n = 1 + random.below(9);
    auto xs = random.normal(static_cast<size_t>(n) * k, 3), ws = random.normal(k);
    auto x = floats(xs, {n, k}), w = floats(ws, {k});
    vm_array y, z;
    ok(vm_rms_norm(&y, x, w, 1e-6f, 0));
    std::vector<double> wanted(xs.size()), swiglu(xs.size() / 2);
    for (int i = 0; i < n; i++) {
      double sum = 0;
      for (int j = 0; j < k; j++) {
        sum += static_cast<double>(xs[i * k + j]) * xs[i * k + j];
      }
      for (int j = 0; j < k; j++) {
        wanted[i * k + j] = xs[i * k + j] / std::sqrt(sum / k + 1e-6) * ws[j];
      }
      for (int j = 0; j < k / 2; j++) {
        double a = xs[i * k + j];
        swiglu[i * (k / 2) + j] = a / (1 + std::exp(-a)) * xs[i * k + k / 2 + j];
      }
    }
    report(worst(values(y), wanted) < 1e-5, "rms_norm", worst(values(y), wanted));
    ok(vm_swiglu(&z, x, 0));
    report(worst(values(z), swiglu) < 1e-5, "swiglu", worst(values(z), swiglu));
    free_all({x, w, y, z});
  }
  auto extreme = floats({-1000, -90, -87, 0, 90, 1000, 1, 1, 1, 1, 1, 1}, {1, 12});
  vm_array z;
  ok(vm_swiglu(&z, extreme, 0));
  report(worst(values(z), {0, 0, 0, 0, 90, 1000}) < 1e-5, "swiglu at the ends", worst(values(z), {0, 0, 0, 0, 90, 1000}));
  free_all({extreme, z});

  for (int bits : {8, 4, 0}) {
    auto w = make_weight(random, 50, 128, bits, 64, VM_BFLOAT16);
    auto ids = ints({49, 0, 7, 7});
    vm_array y;
    ok(vm_embedding(&y, ids, w.w, w.scales, w.biases, w.group, w.bits, 0));
    std::vector<double> wanted;
    for (int id : {49, 0, 7, 7}) {
      wanted.insert(wanted.end(), w.exact.begin() + id * 128, w.exact.begin() + (id + 1) * 128);
    }
    report(worst(values(y), wanted) < (portable ? 2e-2 : 1e-6), "embedding", worst(values(y), wanted));
    w.free();
    free_all({ids, y});
  }
  auto x = floats(random.normal(5 * 7), {5, 7});
  int32_t chosen[] = {4, 0, 4};
  vm_array y;
  ok(vm_rows(&y, x, chosen, 3, 0));
  auto all = values(x), some = values(y);
  report(std::equal(some.begin(), some.begin() + 7, all.begin() + 28) && std::equal(some.begin() + 7, some.begin() + 14, all.begin()), "rows");
  auto previous = ints({5, 6, 7});
  int32_t from[] = {2, -1, 0}, ids[] = {9, 8, 7};
  vm_array tokens;
  ok(vm_step_tokens(&tokens, previous, from, ids, 3, 0));
  report(values<int32_t>(tokens) == std::vector<int32_t>({7, 8, 5}), "step_tokens");
  free_all({x, y, previous, tokens});
}

struct Shape {
  int sequences, heads, kv_heads, capacity, d, rope_dims;
  bool norm, freqs;
  int window = 0, sinks = 0;
};

// Rows of sequences that grow, over pages in no order.
struct Steps {
  Tables tables;
  std::vector<int> length;
  std::vector<int32_t> ids, positions;

  Steps(Random& random, int sequences, int capacity) : tables(sequences, capacity), length(sequences) {
    std::shuffle(tables.table.begin(), tables.table.end(), random.engine);
  }

  vm_step next(const std::vector<std::pair<int, int>>& runs, int sinks) {
    ids.clear();
    positions.clear();
    for (auto& [sequence, count] : runs) {
      for (int i = 0; i < count; i++) {
        ids.push_back(sequence);
        positions.push_back(length[sequence]++);
      }
    }
    return tables.step(ids, positions, sinks);
  }
};

// Runs several steps of mixed rows over pages and holds q and attention against float64.
void check_attention(Random& random, Shape t, const std::vector<std::vector<std::pair<int, int>>>& steps) {
  Steps rows(random, t.sequences, t.capacity);
  size_t arena = static_cast<size_t>(t.sequences) * t.kv_heads * t.capacity * t.d;
  vm_kv kv;
  ok(vm_kv_new(&kv, rows.tables.all(), rows.tables.all(), t.kv_heads, t.d, VM_FLOAT32, 0, 0));
  // What was never written must not matter.
  uint64_t page_bytes;
  ok(vm_kv_page_bytes(kv, &page_bytes));
  std::vector<char> poison(page_bytes, static_cast<char>(0xff));
  for (int page : rows.tables.table) {
    ok(vm_kv_write(kv, page, poison.data()));
  }
  std::vector<double> ks(arena), vs(arena);
  auto norms = random.normal(t.d), norms_k = random.normal(t.d);
  auto frequencies = random.normal(t.rope_dims / 2);
  for (auto& f : frequencies) {
    f = 1 + std::abs(f) * 50;
  }
  auto q_norm = t.norm ? floats(norms, {t.d}) : 0, k_norm = t.norm ? floats(norms_k, {t.d}) : 0;
  auto freqs = t.freqs ? floats(frequencies, {t.rope_dims / 2}) : 0;
  float base = 10000, scale = 0.5f, attention_scale = 1 / std::sqrt(static_cast<float>(t.d));
  for (auto& runs : steps) {
    vm_step step = rows.next(runs, t.sinks);
    auto &ids = rows.ids, &positions = rows.positions;
    int n = static_cast<int>(ids.size()), width = (t.heads + 2 * t.kv_heads) * t.d;
    auto xs = random.normal(static_cast<size_t>(n) * width);
    auto x = floats(xs, {n, width});
    vm_array q, y;
    ok(vm_kv_append(&q, kv, x, step, t.heads, t.kv_heads, t.d, q_norm, k_norm, 1e-6f, t.rope_dims, base, scale, freqs, 0));
    ok(vm_kv_attention(&y, q, kv, step, t.heads, attention_scale, t.window, 0));
    ok(vm_step_free(step));

    auto turned = [&](int row, int head, const std::vector<float>& weight) {
      std::vector<double> h(t.d);
      double sum = 0;
      for (int i = 0; i < t.d; i++) {
        h[i] = xs[static_cast<size_t>(row) * width + head * t.d + i];
        sum += h[i] * h[i];
      }
      if (t.norm) {
        for (int i = 0; i < t.d; i++) {
          h[i] *= weight[i] / std::sqrt(sum / t.d + 1e-6);
        }
      }
      for (int i = 0; i < t.rope_dims / 2; i++) {
        double angle = t.freqs ? positions[row] / static_cast<double>(frequencies[i])
                               : positions[row] * scale * std::pow(base, -2.0 * i / t.rope_dims);
        double a = h[i], b = h[i + t.rope_dims / 2];
        h[i] = a * std::cos(angle) - b * std::sin(angle);
        h[i + t.rope_dims / 2] = b * std::cos(angle) + a * std::sin(angle);
      }
      return h;
    };
    auto at = [&](int sequence, int head, int position) {
      return ((static_cast<size_t>(sequence) * t.kv_heads + head) * t.capacity + position) * t.d;
    };
    for (int row = 0; row < n; row++) {
      for (int h = 0; h < t.kv_heads; h++) {
        auto key = turned(row, t.heads + h, norms_k);
        std::copy(key.begin(), key.end(), ks.begin() + at(ids[row], h, positions[row]));
        auto* value = xs.data() + static_cast<size_t>(row) * width + (t.heads + t.kv_heads + h) * t.d;
        std::copy(value, value + t.d, vs.begin() + at(ids[row], h, positions[row]));
      }
    }
    std::vector<double> qs, ys;
    for (int row = 0; row < n; row++) {
      for (int h = 0; h < t.heads; h++) {
        auto query = turned(row, h, norms);
        qs.insert(qs.end(), query.begin(), query.end());
        int kv = h / (t.heads / t.kv_heads);
        std::vector<double> scores, out(t.d);
        double largest = -INFINITY, total = 0;
        auto sees = [&](int p) { return t.window == 0 || p > positions[row] - t.window || p < t.sinks; };
        for (int p = 0; p <= positions[row]; p++) {
          double dot = 0;
          for (int i = 0; i < t.d; i++) {
            dot += query[i] * ks[at(ids[row], kv, p) + i];
          }
          scores.push_back(sees(p) ? dot * attention_scale : -INFINITY);
          largest = std::max(largest, scores.back());
        }
        for (int p = 0; p <= positions[row]; p++) {
          double e = std::exp(scores[p] - largest);
          total += e;
          for (int i = 0; i < t.d; i++) {
            out[i] += e * vs[at(ids[row], kv, p) + i];
          }
        }
        for (auto& o : out) {
          ys.push_back(o / total);
        }
      }
    }
    char name[120];
    std::snprintf(name, sizeof name, "heads %d/%d d %d rows %d", t.heads, t.kv_heads, t.d, n);
    report(worst(values(q), qs) < 2e-4, (std::string("query ") + name).c_str(), worst(values(q), qs));
    report(worst(values(y), ys) < 2e-4, (std::string("attention ") + name).c_str(), worst(values(y), ys));
    free_all({x, q, y});
  }
  ok(vm_kv_free(&kv, 1));
  free_all({q_norm, k_norm, freqs});
}

void check_attentions() {
  Random random(3);
  check_attention(random, {3, 6, 2, 700, 64, 64, true, false},
                  {{{0, 5}, {2, 1}}, {{0, 1}, {1, 33}, {2, 1}}, {{2, 1}, {0, 1}, {1, 1}}, {{0, 600}}, {{0, 1}}, {{0, 1}, {1, 1}}});
  check_attention(random, {2, 4, 4, 160, 128, 128, false, false}, {{{1, 130}}, {{0, 3}, {1, 2}}, {{0, 1}, {1, 1}}});
  check_attention(random, {2, 4, 1, 64, 80, 40, true, true}, {{{0, 20}, {1, 7}}, {{1, 1}, {0, 1}}});
  check_attention(random, {2, 3, 3, 40, 24, 24, false, true}, {{{0, 11}}, {{1, 1}, {0, 1}}, {{0, 1}, {1, 1}}});
  check_attention(random, {2, 8, 1, 900, 32, 32, false, false, 100, 5}, {{{0, 350}}, {{0, 1}, {1, 70}}, {{0, 480}}, {{0, 1}, {1, 1}}});
}

// 1,000 steps run ahead without waiting: nothing is copied, ever.
void check_in_place() {
  Random random(5);
  Steps rows(random, 2, 1000);
  uint64_t page_bytes, active, cached, peak;
  vm_kv kv;
  ok(vm_kv_new(&kv, rows.tables.all(), rows.tables.all(), 2, 64, VM_FLOAT32, 0, 0));
  ok(vm_kv_page_bytes(kv, &page_bytes));
  auto wide = floats(random.normal(2 * 8 * 64), {2, 8 * 64});
  ok(vm_synchronize(0));
  uint64_t before;
  ok(vm_memory(&before, &cached, &peak));
  ok(vm_memory_reset_peak());
  for (int i = 0; i < 1000; i++) {
    vm_step step = rows.next({{0, 1}, {1, 1}}, 0);
    vm_array q, y;
    ok(vm_kv_append(&q, kv, wide, step, 4, 2, 64, 0, 0, 0, 64, 10000, 1, 0, 0));
    ok(vm_kv_attention(&y, q, kv, step, 4, 0.125f, 0, 0));
    ok(vm_step_free(step));
    ok(vm_async_eval(&y, 1));
    free_all({q, y});
  }
  ok(vm_synchronize(0));
  ok(vm_memory(&active, &cached, &peak));
  uint64_t all = rows.tables.all() * page_bytes;
  report(peak - before < all / 4, "peak memory over 1,000 steps", static_cast<double>(peak - before));
  ok(vm_kv_free(&kv, 1));
  free_all({wide});
}

void check_errors() {
  vm_array out = 77;
  auto x = floats({1, 2, 3}, {1, 3});
  auto w = floats({1, 2}, {1, 2});
  report(vm_linear(&out, x, w, 0, 0, 0, 0, 0, 0, 0) == VM_FAILED && out == 77, "mismatched shapes pass");
  report(std::strstr(vm_last_error(), "[1, 3]") != nullptr, "message lacks the shape");
  report(vm_cpu_kernels_use("sse9") == VM_FAILED, "unknown kernels pass");
  auto ids = ints({5});
  vm_array y;
  ok(vm_embedding(&y, ids, w, 0, 0, 0, 0, 0));
  report(vm_eval(&y, 1) == VM_FAILED || vm_synchronize(0) == VM_FAILED, "a token outside the table passes");
  free_all({x, w, ids, y});
}

void check_all(bool portable) {
  check_linears(portable);
  check_panels(portable);
  check_rows(portable);
  check_attentions();
  check_sampling();
  check_choosing(portable);
}

}  // namespace

int main() {
  ok(vm_set_default_device(VM_CPU));
  for (const char* name : {"generic", "neon", "avx2", "avx512"}) {
    if (vm_cpu_kernels_use(name) != VM_OK) {
      std::printf("%s: not on this machine\n", name);
      continue;
    }
    for (int threads : {1, 0}) {
      where = std::string(name) + (threads == 1 ? ", one thread" : ", all threads");
      ok(vm_cpu_threads(threads));
      check_all(false);
      std::printf("%s: checked\n", where.c_str());
    }
  }
  where = "in place";
  check_in_place();
  where = "errors";
  check_errors();
  where = "portable";
  ok(vm_portable(1));
  check_all(true);
  std::printf(failures == 0 ? "all checks passed\n" : "%d checks FAILED\n", failures);
  return failures == 0 ? 0 : 1;
}
