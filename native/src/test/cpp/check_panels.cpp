// Linear layers of weights in panels against float64: with norm, bias, gate and residual, exact and fast.
#include <cstring>

#include "check.h"

namespace {

struct PanelCase {
  int m, n, k, bits, group, dtype;
  bool norm, bias, swiglu, residual;
};

// What was multiplied, and how far from it a result may be.
struct Wanted {
  std::vector<double> y, tolerance;
};

double silu(double a) { return a / (1 + std::exp(-a)); }

// Sums of q · x round where they are large, though the bias takes most of them away again. Fast arithmetic moves each x
// by at most 1/65534 of its group's largest.
Wanted product(const std::vector<double>& x, const TestWeight& w, int m, bool fast) {
  Wanted wanted;
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < w.n; j++) {
      double sum = 0, slack = 0;
      for (int g = 0; g < w.k; g += w.group) {
        double largest = 0, weights = 0, widest = 0, total = 0;
        for (int l = g; l < g + w.group; l++) {
          double a = x[static_cast<size_t>(i) * w.k + l], b = w.exact[static_cast<size_t>(j) * w.k + l];
          sum += a * b;
          largest = std::max(largest, std::abs(a));
          weights += std::abs(b);
          widest = std::max(widest, std::abs(b));
          total += std::abs(a);
        }
        slack += 1e-6 * widest * total + (fast ? largest / 65534 * weights : 0);
      }
      wanted.y.push_back(sum);
      wanted.tolerance.push_back(2e-5 + slack);
    }
  }
  return wanted;
}

struct PanelLayer {
  TestWeight w;
  vm_array norm, bias;
  bool swiglu;

  vm_array of(vm_array x, vm_array residual) const {
    vm_array y;
    ok(vm_linear_fused(&y, x, norm, 1e-6f, w.w, w.scales, w.biases, w.group, w.bits, bias, swiglu, residual, 0));
    return y;
  }
};

void check_panel(Random& random, PanelCase t, bool fast, bool portable) {
  auto w = make_weight(random, t.n, t.k, t.bits, t.group, t.dtype);
  bool done = to_panels(w);
  report(done, "a weight was not taken into panels");
  int outputs = t.swiglu ? t.n / 2 : t.n;
  auto xs = random.normal(static_cast<size_t>(t.m) * t.k), norms = random.normal(t.k), biases = random.normal(t.n),
       residuals = random.normal(static_cast<size_t>(t.m) * outputs);
  // One value that dwarfs its group, as models have them, and a group of zeros.
  xs[t.k / 2] *= 300;
  std::fill(xs.begin(), xs.begin() + t.group, 0.0f);
  auto x = floats(xs, {t.m, t.k}), residual = t.residual ? floats(residuals, {t.m, outputs}) : 0;
  PanelLayer layer{w, t.norm ? floats(norms, {t.k}) : 0, t.bias ? floats(biases, {t.n}) : 0, t.swiglu};

  std::vector<double> in(xs.begin(), xs.end());
  for (int i = 0; t.norm && i < t.m; i++) {
    double sum = 0;
    for (int j = 0; j < t.k; j++) {
      sum += in[static_cast<size_t>(i) * t.k + j] * in[static_cast<size_t>(i) * t.k + j];
    }
    for (int j = 0; j < t.k; j++) {
      in[static_cast<size_t>(i) * t.k + j] *= norms[j] / std::sqrt(sum / t.k + 1e-6);
    }
  }
  auto wanted = product(in, w, t.m, fast);
  auto got_array = layer.of(x, residual);
  auto got = values(got_array);
  double excess = 0;
  for (int i = 0; i < t.m; i++) {
    auto biased = [&](int j) { return wanted.y[static_cast<size_t>(i) * t.n + j] + (t.bias ? biases[j] : 0); };
    auto slack = [&](int j) { return wanted.tolerance[static_cast<size_t>(i) * t.n + j]; };
    for (int j = 0; j < outputs; j++) {
      size_t at = static_cast<size_t>(i) * outputs + j;
      double y = biased(j), most = slack(j);
      if (t.swiglu) {
        double up = biased(outputs + j);
        most = 1.2 * std::abs(up) * most + std::abs(silu(y)) * slack(outputs + j) + 1.2 * most * slack(outputs + j);
        y = silu(y) * up;
      }
      y += t.residual ? residuals[at] : 0;
      double error = std::abs(got[at] - y);
      excess = std::isnan(error) ? INFINITY : std::max(excess, error / most);
    }
  }
  char name[200];
  std::snprintf(name, sizeof name, "panels m %d n %d k %d bits %d group %d dtype %d norm %d bias %d swiglu %d residual %d%s", t.m,
                t.n, t.k, t.bits, t.group, t.dtype, t.norm, t.bias, t.swiglu, t.residual, fast ? ", fast" : "");
  report(excess < 1, name, excess);

  for (int i : {0, t.m / 2, t.m - 1}) {
    if (portable || t.m == 1) {
      break;
    }
    auto row = [](const std::vector<float>& all, int r, int width) {
      return floats({all.begin() + static_cast<long>(r) * width, all.begin() + static_cast<long>(r + 1) * width}, {1, width});
    };
    auto one = row(xs, i, t.k), rest = t.residual ? row(residuals, i, outputs) : 0;
    auto alone = layer.of(one, rest);
    auto single = values(alone);
    report(std::memcmp(single.data(), got.data() + static_cast<size_t>(i) * outputs, outputs * sizeof(float)) == 0,
           (std::string(name) + ": row differs when alone").c_str(), i);
    free_all({one, rest, alone});
  }
  w.free();
  free_all({x, residual, layer.norm, layer.bias, got_array});
}

void check_panel_embedding(Random& random, bool portable) {
  for (int bits : {8, 4}) {
    auto w = make_weight(random, 48, 128, bits, 64, VM_BFLOAT16);
    to_panels(w);
    auto ids = ints({47, 0, 17, 17});
    vm_array y;
    ok(vm_embedding(&y, ids, w.w, w.scales, w.biases, w.group, w.bits, 0));
    std::vector<double> wanted;
    for (int id : {47, 0, 17, 17}) {
      wanted.insert(wanted.end(), w.exact.begin() + id * 128, w.exact.begin() + (id + 1) * 128);
    }
    report(worst(values(y), wanted) < (portable ? 2e-2 : 1e-6), "embedding in panels", worst(values(y), wanted));
    w.free();
    free_all({ids, y});
  }
}

}  // namespace

void check_panels(bool portable) {
  Random random(11);
  int fast_here;
  ok(vm_cpu_math_fast(&fast_here));
  for (bool fast : {false, true}) {
    if (fast && (portable || fast_here == 0)) {
      continue;
    }
    ok(vm_cpu_math_use(fast ? VM_FAST : VM_EXACT));
    for (int dtype : {VM_FLOAT32, VM_BFLOAT16, VM_FLOAT16}) {
      for (int bits : {8, 4}) {
        for (int group : {32, 64, 128}) {
          for (int m : {1, 2, 3, 5, 8, 13}) {
            bool swiglu = random.below(2) == 1;
            check_panel(random, {m, (swiglu ? 32 : 16) * (1 + random.below(6)), 128 * (1 + random.below(4)), bits, group, dtype,
                                 random.below(2) == 1, random.below(2) == 1, swiglu, !swiglu && random.below(2) == 1},
                        fast, portable);
          }
        }
      }
    }
    for (int m : {4, 6, 7, 12, 24, 96, 97, 200}) {
      check_panel(random, {m, 112, 1152, 8, 64, VM_BFLOAT16, true, false, false, true}, fast, portable);
      check_panel(random, {m, 160, 640, 4, 32, VM_FLOAT16, false, false, true, false}, fast, portable);
    }
  }
  ok(vm_cpu_math_use(VM_EXACT));
  check_panel_embedding(random, portable);

  auto odd = make_weight(random, 40, 64, 8, 64, VM_BFLOAT16);
  report(!to_panels(odd), "a weight of 40 rows was taken into panels");
  odd.free();
}
