// What choosing a token costs, for a vocabulary of 151,936 and logits of several shapes.
// Usage: vllmd_sampling_bench [gpu] [portable]: on the GPU, by MLX's operations. On the CPU with one thread.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>

#include "support.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kVocabulary = 151936;

struct Way {
  const char* name;
  std::function<void(vm_sampling_row&)> set;
};

const std::vector<Way> kWays = {
    {"greedy", [](auto&) {}},
    {"temperature 1", [](auto& r) { r.temperature = 1; }},
    {"temperature 0.7, top_p 0.9", [](auto& r) { r.temperature = 0.7f, r.top_p = 0.9f; }},
    {"temperature 0.6, top_k 20, top_p 0.95", [](auto& r) { r.temperature = 0.6f, r.top_k = 20, r.top_p = 0.95f; }},
    {"temperature 1, min_p 0.05", [](auto& r) { r.temperature = 1, r.min_p = 0.05f; }},
    {"greedy, mask", [](auto& r) { r.mask = 0; }},
    {"greedy, 300 counts", [](auto& r) { r.repetition = 1.1f, r.counts_to = 300; }},
    {"greedy, 20 logprobs", [](auto& r) { r.logprobs = 20; }},
};

// Seconds for the rows, the best of some tries: the mean over random numbers, and the slowest of them.
std::pair<double, double> measure(vm_array x, int n, const Way& way) {
  std::vector<uint32_t> mask((kVocabulary + 31) / 32, 0x55555555);
  std::vector<int32_t> ids(300), ones(300, 1);
  for (int i = 0; i < 300; i++) {
    ids[i] = i * 500;
  }
  double sum = 0, slowest = 0;
  std::vector<float> numbers{0.01f, 0.3f, 0.7f, 0.97f, 0.9999f};
  for (float uniform : numbers) {
    std::vector<vm_sampling_row> rows(n, {0, 1, 0, uniform, 0, 0, 1, 0, -1, 0, 0, 0, 0, -1, -1});
    for (auto& row : rows) {
      way.set(row);
    }
    double best = 1e9;
    for (int i = 0; i < 7; i++) {
      auto start = Clock::now();
      vm_array tokens, logprobs, top;
      ok(vm_choose(&tokens, &logprobs, &top, x, rows.data(), n, 0, ids.data(), ones.data(), ones.data(), 300, nullptr, nullptr, 0,
                   mask.data(), 1, std::max(0, rows[0].logprobs), 0));
      ok(vm_eval(&tokens, 1));
      free_all({tokens, logprobs, top});
      best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    sum += best;
    slowest = std::max(slowest, best);
  }
  return {sum / static_cast<double>(numbers.size()), slowest};
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  bool gpu = false, portable = false;
  for (int i = 1; i < argc; i++) {
    gpu = gpu || std::strcmp(argv[i], "gpu") == 0;
    portable = portable || std::strcmp(argv[i], "portable") == 0;
  }
  ok(vm_set_default_device(gpu ? VM_GPU : VM_CPU));
  ok(vm_portable(portable));
  if (!gpu) {
    ok(vm_cpu_threads(1));
  }
  Random random(1);
  for (float deviation : {4.0f, 2.0f, 0.5f}) {
    for (int n : {1, 8, 32}) {
      auto x = floats(random.normal(static_cast<size_t>(n) * kVocabulary, deviation), {n, kVocabulary});
      x = gpu ? cast(x, VM_BFLOAT16) : x;
      for (auto& way : kWays) {
        auto [mean, slowest] = measure(x, n, way);
        std::printf("logits of deviation %.1f, %2d rows, %-38s %8.1f us, at most %8.1f; %6.1f us a row\n", deviation, n, way.name,
                    mean * 1e6, slowest * 1e6, mean * 1e6 / n);
      }
      free_all({x});
    }
  }
}
