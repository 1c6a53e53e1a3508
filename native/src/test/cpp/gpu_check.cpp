// Holds the engine's operations on this machine's GPU against float64, and whole steps against MLX's own operations on
// the same GPU (vm_portable). Prints what failed; exit status 1 then. Needs a GPU.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "check_sampling.h"
#include "report.h"
#include "support.h"

namespace {

// Largest difference over the largest value.
template <typename Wanted>
double worst(const std::vector<float>& got, const std::vector<Wanted>& wanted) {
  if (got.size() != wanted.size()) {
    return INFINITY;
  }
  double error = 0, top = 1e-6;
  for (size_t i = 0; i < got.size(); i++) {
    double e = std::abs(static_cast<double>(got[i]) - wanted[i]);
    error = std::isnan(e) ? INFINITY : std::max(error, e);
    top = std::max(top, std::abs(static_cast<double>(wanted[i])));
  }
  return error / top;
}

const char* name_of(int dtype) { return dtype == VM_BFLOAT16 ? "bf16" : dtype == VM_FLOAT16 ? "f16" : "f32"; }

void check_linears() {
  Random random(1);
  for (int dtype : {VM_BFLOAT16, VM_FLOAT16}) {
    for (auto [bits, group] : {std::pair{8, 64}, {4, 32}, {8, 128}, {0, 0}}) {
      for (auto [n, k] : {std::pair{96, 256}, {600, 1024}, {256, 3072}}) {
        auto w = make_weight(random, n, k, bits, group, dtype);
        for (int m : {1, 3, 8, 9, 17, 40, 130}) {
          auto x = cast(floats(random.normal(static_cast<size_t>(m) * k), {m, k}), dtype);
          auto residual = cast(floats(random.normal(static_cast<size_t>(m) * n), {m, n}), dtype);
          auto factors = cast(floats(random.normal(k), {k}), dtype);
          auto xs = values(x), rs = values(residual), fs = values(factors);
          auto exact = [&](bool norm, bool swiglu, bool add) {
            std::vector<double> all;
            for (int row = 0; row < m; row++) {
              double squares = 0;
              for (int i = 0; i < k; i++) {
                squares += static_cast<double>(xs[row * k + i]) * xs[row * k + i];
              }
              double inverse = norm ? 1 / std::sqrt(squares / k + 1e-6) : 1;
              std::vector<double> y(n);
              for (int o = 0; o < n; o++) {
                for (int i = 0; i < k; i++) {
                  double in = norm ? xs[row * k + i] * inverse * fs[i] : xs[row * k + i];
                  y[o] += in * w.exact[static_cast<size_t>(o) * k + i];
                }
                y[o] += add ? rs[static_cast<size_t>(row) * n + o] : 0;
              }
              for (int o = 0; o < (swiglu ? n / 2 : n); o++) {
                all.push_back(swiglu ? y[o] / (1 + std::exp(-y[o])) * y[n / 2 + o] : y[o]);
              }
            }
            return all;
          };
          char name[100];
          std::snprintf(name, sizeof name, "linear %s bits %d group %d n %d k %d m %d", name_of(dtype), bits, group, n,
                        k, m);
          auto plain = linear(x, w), added = linear(x, w, 0, residual);
          vm_array normed, joined, gated;
          ok(vm_rms_norm(&normed, x, factors, 1e-6f, 0));
          joined = linear(normed, w);
          ok(vm_swiglu(&gated, joined, 0));
          double limit = dtype == VM_BFLOAT16 ? 1.2e-2 : 2e-3;
          double e = std::max(
              {worst(values(plain), exact(false, false, false)), worst(values(added), exact(false, false, true)),
               worst(values(joined), exact(true, false, false)), worst(values(gated), exact(true, true, false))});
          report(e < limit, name, e);
          free_all({x, residual, factors, plain, added, normed, joined, gated});
        }
        w.free();
      }
    }
  }
}

void check_rows() {
  Random random(2);
  for (int v : {1000, 151936, 9001}) {
    int n = 5;
    auto x = cast(floats(random.normal(static_cast<size_t>(n) * v), {n, v}), VM_BFLOAT16);
    auto xs = values(x);
    std::vector<float> zero(n, 0), one(n, 1);
    std::vector<int32_t> all(n, 0);
    vm_array y;
    ok(vm_sample(&y, x, zero.data(), all.data(), one.data(), zero.data(), zero.data(), n, 0));
    auto got = values<int32_t>(y);
    bool same = true;
    for (int row = 0; row < n; row++) {
      same = same && got[row] == std::max_element(xs.begin() + static_cast<long>(row) * v,
                                                  xs.begin() + static_cast<long>(row + 1) * v) -
                                     (xs.begin() + static_cast<long>(row) * v);
    }
    report(same, "argmax of " + std::to_string(v));
    vm_array again;
    int32_t from[] = {4, -1, 0}, ids[] = {9, 8, 7};
    ok(vm_step_tokens(&again, y, from, ids, 3, 0));
    report(values<int32_t>(again) == std::vector<int32_t>({got[4], 8, got[0]}), "step_tokens");
    vm_array some;
    int32_t chosen[] = {3, 0};
    ok(vm_rows(&some, x, chosen, 2, 0));
    auto rows = values(some);
    report(v % 8 != 0 || (std::equal(rows.begin(), rows.begin() + v, xs.begin() + 3l * v) &&
                          std::equal(rows.begin() + v, rows.end(), xs.begin())),
           "rows");
    free_all({x, y, again, some});
  }
  for (int bits : {8, 4, 0}) {
    auto w = make_weight(random, 50, 128, bits, 64, VM_BFLOAT16);
    auto ids = ints({49, 0, 7, 7});
    vm_array y;
    ok(vm_embedding(&y, ids, w.w, w.scales, w.biases, w.group, w.bits, 0));
    std::vector<double> wanted;
    for (int id : {49, 0, 7, 7}) {
      wanted.insert(wanted.end(), w.exact.begin() + id * 128, w.exact.begin() + (id + 1) * 128);
    }
    report(worst(values(y), wanted) < 5e-3, "embedding of " + std::to_string(bits) + " bits", worst(values(y), wanted));
    w.free();
    free_all({ids, y});
  }
}

struct Shape {
  int heads, kv_heads, d, rope_dims, dtype, window;
  bool norm;
};

struct Row {
  int sequence, count, first, sinks;
};

// Steps of mixed rows, through our kernels and through MLX's operations, over pages in random order.
void check_pages(Shape t, const std::vector<std::vector<Row>>& steps) {
  constexpr int kPages = 80, kSequences = 4;
  Random random(3);
  auto q_norm = t.norm ? cast(floats(random.normal(t.d), {t.d}), t.dtype) : 0;
  auto k_norm = t.norm ? cast(floats(random.normal(t.d), {t.d}), t.dtype) : 0;
  std::vector<std::vector<float>> inputs;
  std::vector<int> order(kPages);
  for (int i = 0; i < kPages; i++) {
    order[i] = i;
  }
  std::shuffle(order.begin(), order.end(), random.engine);
  std::vector<std::vector<float>> results[2];
  for (int portable : {0, 1}) {
    ok(vm_portable(portable));
    Random same(4);
    vm_kv kv;
    ok(vm_kv_new(&kv, kPages, kPages, t.kv_heads, t.d, t.dtype, 0, 0));
    std::vector<int> length(kSequences);
    std::vector<std::vector<int32_t>> pages(kSequences);
    int next = 0;
    for (auto& rows : steps) {
      std::vector<int32_t> sequences, positions, tables, offsets{0}, first, sinks;
      for (auto& row : rows) {
        for (int i = 0; i < row.count; i++) {
          sequences.push_back(static_cast<int32_t>(first.size()));
          positions.push_back(length[row.sequence]++);
        }
        auto& mine = pages[row.sequence];
        while (static_cast<int>(mine.size()) * 64 < length[row.sequence]) {
          mine.push_back(order[next++]);
        }
        tables.insert(tables.end(), mine.begin(), mine.end());
        offsets.push_back(static_cast<int32_t>(tables.size()));
        first.push_back(row.first);
        sinks.push_back(row.sinks);
      }
      int n = static_cast<int>(positions.size()), width = (t.heads + 2 * t.kv_heads) * t.d;
      auto x = cast(floats(same.normal(static_cast<size_t>(n) * width), {n, width}), t.dtype);
      vm_step step;
      ok(vm_step_new(&step, sequences.data(), positions.data(), n, tables.data(), offsets.data(), first.data(),
                     sinks.data(), static_cast<int32_t>(first.size())));
      vm_array q, y;
      ok(vm_kv_append(&q, kv, x, step, t.heads, t.kv_heads, t.d, q_norm, k_norm, 1e-6f, t.rope_dims, 1e6f, 1, 0, 0));
      ok(vm_kv_attention(&y, q, kv, step, t.heads, 1 / std::sqrt(static_cast<float>(t.d)), t.window, 0));
      results[portable].push_back(values(q));
      results[portable].push_back(values(y));
      ok(vm_step_free(step));
      free_all({x, q, y});
    }
    uint64_t bytes;
    ok(vm_kv_page_bytes(kv, &bytes));
    // A copy of a page and what it was copied from read the same, and a page written comes back.
    auto tokens = ints({1, 2, 3});
    int32_t to = order[kPages - 1], from = pages[0][0], count = 64;
    ok(vm_kv_copy(&tokens, &kv, 1, &to, &from, &count, 1, 0));
    ok(vm_eval(&tokens, 1));
    std::vector<char> a(bytes), b(bytes);
    ok(vm_kv_read(kv, from, a.data()));
    ok(vm_kv_read(kv, to, b.data()));
    report(a == b && std::any_of(a.begin(), a.end(), [](char c) { return c != 0; }), "page copied and read");
    std::reverse(a.begin(), a.end());
    ok(vm_kv_write(kv, to, a.data()));
    ok(vm_kv_read(kv, to, b.data()));
    report(a == b, "page written and read");
    report(values<int32_t>(tokens) == std::vector<int32_t>({1, 2, 3}), "tokens after a copy");
    free_all({tokens});
    ok(vm_kv_free(&kv, 1));
  }
  ok(vm_portable(0));
  free_all({q_norm, k_norm});
  double limit = t.dtype == VM_FLOAT32 ? 1e-4 : t.dtype == VM_FLOAT16 ? 3e-3 : 2e-2;
  for (size_t i = 0; i < results[0].size(); i++) {
    char name[120];
    std::snprintf(name, sizeof name, "%s %s heads %d/%d of %d window %d step %zu", i % 2 == 0 ? "queries" : "attention",
                  name_of(t.dtype), t.heads, t.kv_heads, t.d, t.window, i / 2);
    double e = worst(results[0][i], results[1][i]);
    report(e < limit, name, e);
  }
}

void check_all_pages() {
  std::vector<std::vector<Row>> mixed{{{0, 5, 0, 0}, {2, 1, 0, 0}},
                                      {{0, 1, 0, 0}, {1, 33, 0, 0}, {2, 1, 0, 0}},
                                      {{2, 1, 0, 0}, {0, 1, 0, 0}, {1, 1, 0, 0}},
                                      {{0, 600, 0, 0}, {1, 1, 0, 0}, {3, 20, 0, 0}},
                                      {{0, 1, 0, 0}, {1, 1, 0, 0}, {3, 1, 0, 0}},
                                      {{0, 1, 300, 7}, {1, 1, 3, 1}},
                                      {{3, 300, 0, 0}, {0, 1, 0, 0}, {1, 40, 0, 0}}};
  for (int dtype : {VM_BFLOAT16, VM_FLOAT16, VM_FLOAT32}) {
    check_pages({16, 8, 128, 128, dtype, 0, true}, mixed);
  }
  check_pages({6, 2, 64, 64, VM_BFLOAT16, 0, true}, mixed);
  check_pages({8, 1, 128, 64, VM_BFLOAT16, 100, false}, mixed);
  check_pages({8, 8, 96, 96, VM_BFLOAT16, 0, false}, mixed);
  check_pages({8, 2, 256, 64, VM_BFLOAT16, 0, true}, mixed);
  check_pages({32, 2, 128, 128, VM_FLOAT16, 50, false}, mixed);
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  int32_t there;
  ok(vm_device_available(VM_GPU, &there));
  if (!there) {
    std::printf("no GPU here\n");
    return 2;
  }
  ok(vm_set_default_device(VM_GPU));
  auto start = std::chrono::steady_clock::now();
  auto told = [&](const char* what) {
    std::printf("-- %s, after %.1f s\n", what,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  };
  tell_all = true;
  check_rows();
  told("rows");
  check_sampling();
  check_choosing(false);
  told("sampling");
  check_all_pages();
  told("pages");
  check_linears();
  told("linears");
  std::printf(failures == 0 ? "all checks passed\n" : "%d checks FAILED\n", failures);
  return failures == 0 ? 0 : 1;
}
