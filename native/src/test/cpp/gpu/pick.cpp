// Choosing tokens by filters, against a sort in float64.
#include "checks.h"

namespace {

#define WARPS 2
#define LIST 64
namespace pick_float {
using Value = float;
#define GPU_ARGUMENTS const int *params, const Value *x, const int *filters, int *out
#include "gpu/text/pick.h"
}  // namespace pick_float
namespace pick_bf16 {
using Value = bf16;
#include "gpu/text/pick.h"
#undef GPU_ARGUMENTS
}  // namespace pick_bf16

struct Filters {
  float temperature;
  int top_k;
  float top_p, min_p, uniform;

  void add_to(std::vector<int>& words) const {
    float inverse = temperature > 0 ? 1 / temperature : 0;
    words.insert(words.end(), {bits_of(inverse), top_k, bits_of(top_p), bits_of(min_p), bits_of(uniform)});
  }
};

// The token, or -1 where float32 may decide otherwise.
int plainly(const std::vector<float>& x, const Filters& f) {
  std::vector<int> order;
  for (size_t i = 0; i < x.size(); i++) {
    if (x[i] > -INFINITY) {
      order.push_back(static_cast<int>(i));
    }
  }
  if (order.empty()) {
    return 0;
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return x[a] > x[b]; });
  if (f.temperature == 0 || std::isinf(x[order[0]])) {
    return order[0];
  }
  if (f.top_k > 0 && f.top_k < static_cast<int>(order.size())) {
    order.resize(f.top_k);
  }
  std::vector<double> weights;
  double total = 0;
  for (int i : order) {
    weights.push_back(std::exp((static_cast<double>(x[i]) - x[order[0]]) / f.temperature));
    total += weights.back();
  }
  size_t kept = 0;
  double mass = 0;
  bool doubtful = false;
  auto near = [&](double a, double b) { doubtful = doubtful || std::abs(a - b) < 2e-5 * total; };
  do {
    mass += weights[kept++];
    if (f.top_p < 1) {
      near(mass, f.top_p * total);
    }
    if (kept < order.size() && std::abs(weights[kept] - f.min_p) < 1e-5 && f.min_p > 0) {
      doubtful = true;
    }
  } while (kept < order.size() && (f.top_p >= 1 || mass < f.top_p * total) && weights[kept] >= f.min_p);
  double sum = 0;
  for (size_t i = 0; i < kept; i++) {
    sum += weights[i];
    if (i + 1 < kept) {
      near(sum, f.uniform * mass);
    }
    if (sum > f.uniform * mass || i + 1 == kept) {
      return doubtful ? -1 : order[i];
    }
  }
  return -1;
}

float unit() { return std::uniform_real_distribution<float>(0, 1)(engine); }

template <typename Value, typename Body>
void check(const std::string& name, int vocabulary, float deviation, Body&& body, int& compared) {
  int n = 24;
  auto x = reals<Value>(static_cast<size_t>(n) * vocabulary);
  for (size_t i = 0; i < x.size(); i++) {
    store(&x[i], to_float(x[i]) * deviation);
  }
  for (int i = 0; i < n; i++) {
    // Nothing to choose from, and equals.
    store(&x[below(n * vocabulary)], -INFINITY);
    store(&x[below(n * vocabulary)], NAN);
    for (int j = 0; i % 3 == 0 && j < vocabulary; j += 2) {
      store(&x[i * vocabulary + j], deviation / 2);
    }
  }
  std::vector<Filters> filters;
  std::vector<int> words;
  for (int i = 0; i < n; i++) {
    filters.push_back({i % 8 == 7 ? 0 : 0.3f + 1.5f * unit(), below(2) == 0 ? 0 : 1 + below(vocabulary),
                       below(2) == 0 ? 1 : 0.05f + 0.9f * unit(), below(2) == 0 ? 0 : unit() * unit(),
                       i == 3 ? 0 : i == 4 ? 0.99999f : unit()});
    filters.back().add_to(words);
  }
  Memory<int> out(n);
  int params[] = {vocabulary};
  emulation::launch(n, 1, 1, LIST, [&] { body(params, x.data(), words.data(), out.data()); });
  for (int i = 0; i < n; i++) {
    std::vector<float> row;
    for (int j = 0; j < vocabulary; j++) {
      row.push_back(to_float(x[i * vocabulary + j]));
    }
    int wanted = plainly(row, filters[i]);
    compared += wanted >= 0;
    auto& f = filters[i];
    if (wanted >= 0 && wanted != out[i]) {
      report(false, name + " of " + std::to_string(vocabulary) + ", row " + std::to_string(i) + ": temperature " +
                        std::to_string(f.temperature) + " top_k " + std::to_string(f.top_k) + " top_p " +
                        std::to_string(f.top_p) + " min_p " + std::to_string(f.min_p) + " uniform " +
                        std::to_string(f.uniform) + ", wanted " + std::to_string(wanted), out[i]);
    }
  }
  report(out.margins_whole(), name + " writes past its end");
}

// Equals beyond what is sorted: the place among them is known.
void check_equals() {
  int vocabulary = 1000;
  Memory<float> x(vocabulary);
  std::vector<int> words;
  for (float u : {0.0f, 0.2f, 0.51f, 0.9999f}) {
    for (int top_k : {0, 700}) {
      for (float top_p : {1.0f, 0.5f}) {
        Filters{1, top_k, top_p, 0, u}.add_to(words);
      }
    }
  }
  for (int i = 0; i < vocabulary; i++) {
    x[i] = 3;
  }
  int n = static_cast<int>(words.size()) / 5, params[] = {vocabulary};
  Memory<float> rows(static_cast<size_t>(n) * vocabulary);
  for (size_t i = 0; i < rows.size(); i++) {
    rows[i] = 3;
  }
  Memory<int> out(n);
  emulation::launch(n, 1, 1, LIST, [&] { pick_float::body(params, rows.data(), words.data(), out.data()); });
  for (int i = 0; i < n; i++) {
    double kept = words[5 * i + 1] == 0 ? 1000 : 700, share = as_float(static_cast<uint>(words[5 * i + 2])),
           u = as_float(static_cast<uint>(words[5 * i + 4]));
    int wanted = static_cast<int>(u * kept * share);
    report(std::abs(out[i] - wanted) <= 1, "pick among equals, row " + std::to_string(i), out[i]);
  }
}

}  // namespace

void check_picks() {
  int compared = 0;
  for (int vocabulary : {1, 5, 63, 64, 65, 700, 5003}) {
    for (float deviation : {0.05f, 1.0f, 4.0f}) {
      check<float>("pick", vocabulary, deviation, pick_float::body, compared);
      check<bf16>("pick of bf16", vocabulary, deviation, pick_bf16::body, compared);
    }
  }
  report(compared > 800, "picks compared", compared);
  check_equals();
}
