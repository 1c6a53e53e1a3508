// Linear layers of weights in rows against float64.
#include <cstring>

#include "check.h"

namespace {

void check_linear(Random& random, int m, int n, int k, int bits, int group, int dtype, bool extras, bool portable) {
  auto w = make_weight(random, n, k, bits, group, dtype);
  auto xs = random.normal(static_cast<size_t>(m) * k), bs = random.normal(n), rs = random.normal(static_cast<size_t>(m) * n);
  auto x = floats(xs, {m, k}), bias = floats(bs, {n}), residual = floats(rs, {m, n});
  auto y = linear(x, w, extras ? bias : 0, extras ? residual : 0);
  std::vector<double> wanted(static_cast<size_t>(m) * n);
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < n; j++) {
      double sum = extras ? static_cast<double>(bs[j]) + rs[static_cast<size_t>(i) * n + j] : 0;
      for (int l = 0; l < k; l++) {
        sum += static_cast<double>(xs[static_cast<size_t>(i) * k + l]) * w.exact[static_cast<size_t>(j) * k + l];
      }
      wanted[static_cast<size_t>(i) * n + j] = sum;
    }
  }
  auto got = values(y);
  // MLX's dense product over half precision rounds x to it.
  double tolerance = portable && bits == 0 && dtype != VM_FLOAT32 ? 0.1 : 2e-5;
  char name[160];
  std::snprintf(name, sizeof name, "linear m %d n %d k %d bits %d group %d dtype %d", m, n, k, bits, group, dtype);
  report(worst(got, wanted) < tolerance, name, worst(got, wanted));
  if (!portable && m > 1) {
    // Each row alone gives the same bits.
    for (int i : {0, m / 2, m - 1}) {
      auto one = floats({xs.begin() + static_cast<long>(i) * k, xs.begin() + static_cast<long>(i + 1) * k}, {1, k});
      auto rest = floats({rs.begin() + static_cast<long>(i) * n, rs.begin() + static_cast<long>(i + 1) * n}, {1, n});
      auto alone = linear(one, w, extras ? bias : 0, extras ? rest : 0);
      auto single = values(alone);
      report(std::memcmp(single.data(), got.data() + static_cast<size_t>(i) * n, n * sizeof(float)) == 0,
             (std::string(name) + ": row differs when alone").c_str(), i);
      free_all({one, rest, alone});
    }
  }
  w.free();
  free_all({x, bias, residual, y});
}

}  // namespace

void check_linears(bool portable) {
  Random random(1);
  for (int dtype : {VM_FLOAT32, VM_BFLOAT16, VM_FLOAT16}) {
    for (int bits : {8, 4, 0}) {
      for (int group : {32, 64, 128}) {
        if (bits == 0 && group > 32) {
          continue;
        }
        for (int m : {1, 2, 3, 5, 8, 9, 33}) {
          int k = bits == 0 ? 96 + random.below(40) : 128 * (1 + random.below(5));
          check_linear(random, m, 1 + random.below(70), k, bits, group, dtype, random.below(2) == 1, portable);
        }
      }
    }
  }
  for (int m : {1, 4, 6, 7, 12, 17, 97, 130}) {
    check_linear(random, m, 37, 1152, 8, 64, VM_BFLOAT16, true, portable);
    check_linear(random, m, 300, 640, 4, 32, VM_FLOAT16, false, portable);
  }
}
